#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstring>

#include "base/error.h"
#include "host/kernel_file.h"
#include "host/unpack.h"

namespace nuri::host {
namespace {

void must(bool good, const char* doing) {
  if (!good) throw system_error(doing, errno);
}

void enter_namespaces() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  must(::setgroups(0, nullptr) == 0, "dropping groups");
  must(::unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) == 0,
       "making a user namespace (is user.max_user_namespaces 0?)");
  must(::write(kUnpackGate, "u", 1) == 1, "reporting to the host");
  char c = 0;
  must(::read(kUnpackGate, &c, 1) == 1 && c == 'g', "waiting for the user id map");
  must(::setresgid(0, 0, 0) == 0 && ::setresuid(0, 0, 0) == 0, "becoming the store's owner");
  must(::fchdir(kUnpackTarget) == 0 && ::chroot(".") == 0, "entering the target directory");
  ::umask(0);
}

int exit_code_of(Code code) {
  switch (code) {
    case Code::data_loss:
      return kUnpackWrongDigest;
    case Code::too_large:
      return kUnpackTooLarge;
    case Code::no_space:
      return kUnpackNoSpace;
    case Code::bad_request:
      return kUnpackBadArchive;
    default:
      return kUnpackFailed;
  }
}

}  // namespace

namespace {

// Nothing of the program that goes on after main (exit handlers) belongs into these namespaces.
[[noreturn]] void leave(int exit_code) {
  std::fflush(stdout);
  ::_exit(exit_code);
}

}  // namespace

int unpack_main(int argc, char** argv) {
  // Names of files in a pax archive are UTF-8; libarchive turns them into the locale's.
  std::setlocale(LC_CTYPE, "C.UTF-8");
  try {
    const auto diff_id = argc == 4 ? Digest::parse(argv[1]) : std::nullopt;
    const auto bytes = argc == 4 ? parse_number(argv[2]) : std::nullopt;
    const auto files = argc == 4 ? parse_number(argv[3]) : std::nullopt;
    if (!diff_id || !bytes || !files) throw Error(Code::internal, "wrong arguments");
    enter_namespaces();
    const std::uint64_t size = unpack_layer(kUnpackBlob, kUnpackTarget, *diff_id, {*bytes, *files});
    std::printf("bytes %llu\n", static_cast<unsigned long long>(size));
    leave(0);
  } catch (const Error& e) {
    std::printf("%s\n", e.message().c_str());
    leave(exit_code_of(e.code()));
  }
}

}  // namespace nuri::host
