#include "main/process_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/error.h"

namespace nuri {
namespace {

// Open file description locks (fcntl(2)): not lost when another descriptor of the file is closed.
struct flock whole_file(short type) {
  struct flock lock{};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

ProcessLock::ProcessLock(const std::string& path, const std::string& what)
    : ProcessLock(path, what, F_OFD_SETLK) {}

ProcessLock ProcessLock::in_turn(const std::string& path) { return {path, "", F_OFD_SETLKW}; }

ProcessLock::ProcessLock(const std::string& path, const std::string& what, int command)
    : file_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644)) {
  if (!file_) throw system_error(fmt::format("open {}", path), errno);
  struct flock lock = whole_file(F_WRLCK);
  if (::fcntl(file_.get(), command, &lock) != 0) {
    if (errno != EAGAIN && errno != EACCES) throw system_error(fmt::format("lock {}", path), errno);
    const auto pid = holder(path);
    throw Error(Code::conflict,
                fmt::format("{} runs already{}", what,
                            pid ? fmt::format(" (process {})", *pid) : std::string()));
  }
  const std::string number = fmt::format("{}\n", ::getpid());
  if (::ftruncate(file_.get(), 0) != 0 ||
      ::pwrite(file_.get(), number.data(), number.size(), 0) != static_cast<ssize_t>(number.size()))
    throw system_error(fmt::format("write {}", path), errno);
}

std::optional<int> ProcessLock::holder(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) return std::nullopt;
  struct flock lock = whole_file(F_RDLCK);
  if (::fcntl(file.get(), F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return std::nullopt;
  char text[16] = "";
  if (::pread(file.get(), text, sizeof text - 1, 0) <= 0) return std::nullopt;
  const int pid = std::atoi(text);
  return pid > 0 ? std::optional(pid) : std::nullopt;
}

}  // namespace nuri
