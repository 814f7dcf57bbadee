#include "main/lock_watch.h"

#include <errno.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <filesystem>

#include "async/descriptor.h"
#include "main/process_lock.h"

namespace nuri {
namespace {

// What happened is looked up anew; here only that it did.
void read_away(int notices) {
  char buffer[4096];
  while (::read(notices, buffer, sizeof buffer) > 0) {
  }
}

}  // namespace

// Who takes the lock writes its number, who gives it up closes the file: inotify(7) tells of both.
Task<IoResult<void>> lock_given_up(async::Loop& loop, std::string path, int pid, bool held) {
  Fd fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  const std::string directory = std::filesystem::path(path).parent_path();
  if (!fd || ::inotify_add_watch(fd.get(), directory.c_str(), IN_MODIFY | IN_CLOSE_WRITE) < 0)
    co_return std::unexpected(io_error_of(errno));
  async::Descriptor notices(loop, std::move(fd));
  for (;;) {
    const bool holds = ProcessLock::holder(path) == pid;
    if (held && !holds) co_return IoResult<void>{};
    held = holds;
    if (auto ready = co_await notices.readable(); !ready) co_return ready;
    read_away(notices.native());
  }
}

}  // namespace nuri
