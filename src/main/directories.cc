#include "main/directories.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/error.h"
#include "base/fd.h"

namespace nuri {
namespace {

uid_t user(const char* name) {
  const passwd* entry = ::getpwnam(name);
  if (!entry)
    throw Error(Code::not_found,
                fmt::format("there is no user '{}' on this machine: run tools/setup", name));
  return entry->pw_uid;
}

gid_t group(const char* name) {
  const ::group* entry = ::getgrnam(name);
  if (!entry)
    throw Error(Code::not_found,
                fmt::format("there is no group '{}' on this machine: run tools/setup", name));
  return entry->gr_gid;
}

void make(const std::string& path, uid_t owner, gid_t owning_group, mode_t mode) {
  std::filesystem::create_directories(path);
  if (::chown(path.c_str(), owner, owning_group) != 0 || ::chmod(path.c_str(), mode) != 0)
    throw system_error(fmt::format("give {} its owner", path), errno);
}

// In a directory of root's: the process that will hold it could not make it.
void make_lock(const std::string& path, uid_t owner) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!file || ::fchown(file.get(), owner, static_cast<gid_t>(-1)) != 0)
    throw system_error(fmt::format("make {}", path), errno);
}

void make_shared(const Settings& settings) {
  make(settings.state_dir, 0, 0, 0711);
  make(settings.run_dir, 0, 0, 0755);
  make(settings.logs_dir(), user("nuri"), group("nuri-logs"), 02770);
}

}  // namespace

void prepare_server_directories(const Settings& settings) {
  make_shared(settings);
  make(settings.server_dir(), user("nuri"), group("nuri"), 0700);
  make_lock(settings.lock_of("server"), user("nuri"));
}

void prepare_router_directories(const Settings& settings) {
  make_shared(settings);
  make(settings.router_dir(), user("nuri-router"), group("nuri"), 0750);
  make(settings.state_dir + "/router", user("nuri-router"), group("nuri-router"), 0700);
  make_lock(settings.lock_of("router"), user("nuri-router"));
}

}  // namespace nuri
