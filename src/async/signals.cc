#include "async/signals.h"

#include <errno.h>
#include <sys/signalfd.h>

#include "base/error.h"

namespace nuri::async {
namespace {

sigset_t block(std::initializer_list<int> numbers) {
  sigset_t set;
  sigemptyset(&set);
  for (int number : numbers) sigaddset(&set, number);
  if (sigprocmask(SIG_BLOCK, &set, nullptr) != 0) throw system_error("block signals", errno);
  return set;
}

Fd watch(std::initializer_list<int> numbers) {
  const sigset_t set = block(numbers);
  Fd fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) throw system_error("watch signals", errno);
  return fd;
}

}  // namespace

Signals::Signals(Loop& loop, std::initializer_list<int> numbers) : fd_(loop, watch(numbers)) {}

void Signals::hold(std::initializer_list<int> numbers) { block(numbers); }

Task<IoResult<int>> Signals::next() {
  signalfd_siginfo info;
  auto n = co_await fd_.read({reinterpret_cast<char*>(&info), sizeof info});
  if (!n) co_return std::unexpected(n.error());
  co_return static_cast<int>(info.ssi_signo);
}

}  // namespace nuri::async
