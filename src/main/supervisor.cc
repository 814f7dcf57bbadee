#include "main/supervisor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
extern "C" {  // the header of glibc 2.36 forgets it
#include <sys/pidfd.h>
}
#include <unistd.h>

#include "async/deadline.h"
#include "base/log.h"
#include "main/child_command.h"
#include "main/lock_watch.h"
#include "main/process_lock.h"

namespace nuri {
namespace {

constexpr Duration kFirstRestart = 100ms;
constexpr Duration kLongestRestart = 10s;
constexpr Duration kStable = 30s;  // ran that long: the next restart is quick again
constexpr Duration kStopDeadline = 20s;
constexpr Duration kEnding = 20ms;  // from giving up the lock to the end of the process

std::vector<std::string> environment(const std::vector<std::string>& names) {
  std::vector<std::string> out;
  for (char** variable = environ; *variable; ++variable)
    if (!std::string_view(*variable).starts_with("LISTEN_")) out.emplace_back(*variable);
  if (!names.empty()) {
    out.push_back(fmt::format("LISTEN_FDS={}", names.size()));
    out.push_back(fmt::format("LISTEN_FDNAMES={}", fmt::join(names, ":")));
  }
  return out;
}

// Ends when one of the two does; `first` says what came of it, if it was that one.
template <class T>
Task<std::optional<T>> first_of(Task<IoResult<T>> first, Task<IoResult<void>> second) {
  std::optional<T> result;
  async::TaskGroup both(co_await async::current_scope());
  both.spawn([](Task<IoResult<T>> task, std::optional<T>& to, async::TaskGroup& all) -> Task<void> {
    if (auto done = co_await std::move(task)) to = std::move(*done);
    all.cancel();
  }(std::move(first), result, both));
  both.spawn([](Task<IoResult<void>> task, async::TaskGroup& all) -> Task<void> {
    if (co_await std::move(task)) all.cancel();
  }(std::move(second), both));
  co_await both.join();
  co_return result;
}

Task<IoResult<void>> end_of(async::Descriptor& pidfd) { co_return co_await pidfd.readable(); }

}  // namespace

Supervisor::Supervisor(async::Loop& loop, Settings settings, std::vector<net::HandedIn> listeners)
    : loop_(loop),
      settings_(std::move(settings)),
      listeners_(std::move(listeners)),
      leaving_(loop) {
  // Out of the way of the numbers that children get them as.
  for (auto& listener : listeners_)
    listener.fd = Fd(::fcntl(listener.fd.get(), F_DUPFD_CLOEXEC, 100));
}

Task<void> Supervisor::run() {
  async::TaskGroup group(loop_);
  group.spawn(keep({"host", {}}));
  group.spawn(keep({"router", {"apps", "apps-tls", "api", "dns-udp", "dns-tcp"}, true}));
  group.spawn(keep({"server", {"api"}}));
  co_await group.join();
  leaving_.cancel();
  co_await leaving_.join();
}

async::Child Supervisor::spawn(const Process& process, int predecessor) const {
  async::SpawnOptions options;
  options.argv = child_command(settings_, process.name);
  if (predecessor != 0)
    options.argv.insert(options.argv.end(), {"--take-over", std::to_string(predecessor)});
  int number = 3;
  std::vector<std::string> names;  // of those that there are
  for (const std::string& name : process.listeners)
    for (const auto& listener : listeners_)
      if (listener.name == name) {
        options.more_fds.emplace_back(listener.fd.get(), number++);
        names.push_back(name);
      }
  const auto env = environment(names);
  options.env = &env;
  options.own_session = true;
  return async::Child::spawn(loop_, options);
}

Task<Supervisor::How> Supervisor::run_once(const Process& process, int predecessor) {
  async::Child child = spawn(process, predecessor);
  log_info("started", {{"process", process.name}, {"pid", child.pid()}});
  auto& scope = co_await async::current_scope();
  auto status = co_await first_of(
      child.wait(), lock_given_up(loop_, settings_.lock_of(process.name), child.pid(), false));
  // One that ends gives up its lock a moment before.
  if (!status && !scope.cancelled())
    if (auto soon = co_await async::within(kEnding, child.wait())) status = *soon;
  if (status) {
    log_warn("ended by itself", {{"process", process.name}, {"status", async::describe(*status)}});
  } else if (scope.cancelled()) {
    co_await end(process, child);
  } else {
    leaving_.spawn(see_out(process, std::move(child)));
    co_return How::drains;
  }
  co_return How::ended;
}

Task<void> Supervisor::see_out(Process process, async::Child child) {
  log_info("drains", {{"process", process.name}, {"pid", child.pid()}});
  const int pid = child.pid();
  if (auto status = co_await child.wait())
    log_info("has drained", {{"process", process.name}, {"pid", pid}});
  else
    co_await end(process, child);
}

Task<void> Supervisor::end(const Process& process, async::Child& child) {
  if (leave_router_ && process.drains) co_return child.let_go();
  child.signal(SIGTERM);
  auto ended = co_await async::shielded(kStopDeadline, child.wait());
  if (!ended) log_warn("did not stop in time and is killed", {{"process", process.name}});
}

Task<Supervisor::How> Supervisor::wait_for_adopted(const Process& process, int pid) {
  Fd fd(pidfd_open(pid, 0));
  if (!fd) co_return How::ended;
  // The number may have been given to another in the meantime: the lock tells.
  const std::string lock = settings_.lock_of(process.name);
  if (ProcessLock::holder(lock) != pid) co_return How::ended;
  async::Descriptor pidfd(loop_, std::move(fd));
  if (runs_as(pid, settings_, process.name)) {
    log_info("took over", {{"process", process.name}, {"pid", pid}});
    auto& scope = co_await async::current_scope();
    if (auto told = co_await lock_given_up(loop_, lock, pid, true); !told && !scope.cancelled())
      (void)co_await pidfd.readable();
    if (!scope.cancelled()) {
      const bool ended = (co_await async::within(kEnding, end_of(pidfd))).has_value();
      log_warn(ended ? "ended by itself" : "drains", {{"process", process.name}, {"pid", pid}});
      co_return ended ? How::ended : How::drains;
    }
    if (leave_router_ && process.drains) co_return How::ended;
  } else {
    log_info("has another build or other settings", {{"process", process.name}, {"pid", pid}});
  }
  pidfd_send_signal(pidfd.native(), SIGTERM, nullptr, 0);
  if (!co_await async::shielded(kStopDeadline, end_of(pidfd)))
    pidfd_send_signal(pidfd.native(), SIGKILL, nullptr, 0);
  co_return How::ended;
}

Task<void> Supervisor::keep(Process process) {
  Duration pause = kFirstRestart;
  for (;;) {
    const Time began = loop_.now();
    const auto pid = ProcessLock::holder(settings_.lock_of(process.name));
    const bool replaces = pid && process.drains && !runs_as(*pid, settings_, process.name);
    const How how = pid && !replaces ? co_await wait_for_adopted(process, *pid)
                                     : co_await run_once(process, pid.value_or(0));
    if (how == How::drains) continue;
    pause = loop_.now() - began > kStable ? kFirstRestart : std::min(pause * 2, kLongestRestart);
    if (!co_await async::sleep(pause)) co_return;
  }
}

}  // namespace nuri
