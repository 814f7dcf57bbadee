#pragma once

// For tests: the programs of others (skopeo, tar, git), run to their end without a shell.

#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "base/limits.h"
#include "image/durable_file.h"

namespace nuri::image {

// What the program wrote to standard output. Throws Error{internal} unless it exits with 0.
inline std::string run_program(const std::vector<std::string>& arguments,
                               const std::filesystem::path& folder = "/") {
  const Fd out(::memfd_create("output", MFD_CLOEXEC));
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, out.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t child = 0;
  const int failure =
      ::posix_spawnp(&child, argv.front(), &actions, nullptr, argv.data(), ::environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failure != 0) throw system_error("starting " + arguments.front(), failure);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (status != 0) throw Error(Code::internal, arguments.front() + " failed");
  ::lseek(out.get(), 0, SEEK_SET);
  return read_all(out.get(), 64 * limits::kMiB, "a program's output");
}

}  // namespace nuri::image
