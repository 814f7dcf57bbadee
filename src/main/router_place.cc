#include "main/router_place.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
extern "C" {  // the header of glibc 2.36 forgets it
#include <sys/pidfd.h>
}
#include <unistd.h>

#include "async/child.h"
#include "async/deadline.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/log.h"

namespace nuri {
namespace {

constexpr Duration kLook = 2ms;
constexpr int kFirstListener = 3;
constexpr int kOutOfTheWay = 100;  // of the numbers that a child gets its listeners as

std::vector<std::string> environment_with(const std::vector<net::HandedIn>& listeners) {
  std::vector<std::string> out, names;
  for (char** variable = environ; *variable; ++variable)
    if (!std::string_view(*variable).starts_with("LISTEN_")) out.emplace_back(*variable);
  for (const auto& listener : listeners) names.push_back(listener.name);
  out.push_back(fmt::format("LISTEN_FDS={}", names.size()));
  out.push_back(fmt::format("LISTEN_FDNAMES={}", fmt::join(names, ":")));
  return out;
}

}  // namespace

RouterPlace::RouterPlace(async::Loop& loop, std::string lock_path, int predecessor)
    : loop_(loop), lock_path_(std::move(lock_path)) {
  if (predecessor > 0) {
    predecessor_ = Fd(pidfd_open(predecessor, 0));
    // The number may be another's by now.
    if (!lock_path_.empty() && ProcessLock::holder(lock_path_) != predecessor) predecessor_.reset();
  }
  if (!predecessor_ && !lock_path_.empty()) lock_.emplace(lock_path_, "nuri router");
}

void RouterPlace::pass_on(int signal) const {
  if (predecessor_) pidfd_send_signal(predecessor_.get(), signal, nullptr, 0);
}

Task<void> RouterPlace::take() {
  pass_on(SIGTERM);
  if (lock_ || lock_path_.empty()) co_return;
  const Time began = loop_.now();
  while (ProcessLock::holder(lock_path_)) {
    if (loop_.now() - began > limits::kTakeOverDeadline)
      throw Error(Code::timeout, "the router that serves does not let go of its place");
    if (!co_await async::sleep(kLook)) throw Error(Code::cancelled, "the router ends");
  }
  lock_.emplace(lock_path_, "nuri router");
}

std::optional<std::size_t> router_slot(const std::string& directory,
                                       std::optional<ProcessLock>& held) {
  for (std::size_t n = 0; n < limits::kRouterGenerations; ++n) try {
      held.emplace(fmt::format("{}/slot.{}", directory, n), "nuri router");
      return n;
    } catch (const Error& error) {
      if (error.code() != Code::conflict) throw;
    }
  return std::nullopt;
}

Task<void> run_successor(async::Loop& loop, std::vector<std::string> arguments,
                         const std::vector<net::HandedIn>& listeners) {
  async::SpawnOptions options;
  options.argv = std::move(arguments);
  options.argv.insert(options.argv.end(), {"--take-over", std::to_string(::getpid())});
  std::vector<Fd> copies;
  int number = kFirstListener;
  for (const auto& listener : listeners) {
    copies.emplace_back(::fcntl(listener.fd.get(), F_DUPFD_CLOEXEC, kOutOfTheWay));
    options.more_fds.emplace_back(copies.back().get(), number++);
  }
  const auto env = environment_with(listeners);
  options.env = &env;
  options.own_session = true;
  std::optional<async::Child> child;
  try {
    child.emplace(async::Child::spawn(loop, options));
  } catch (const Error& error) {
    log_error("no successor is started", {{"error", error.message()}});
    co_return;
  }
  copies.clear();
  log_info("a successor is started", {{"pid", child->pid()}});
  if (const auto status = co_await child->wait())
    log_error("the successor has ended, this router serves on",
              {{"status", async::describe(*status)}});
  else
    child->let_go();
}

}  // namespace nuri
