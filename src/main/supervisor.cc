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
#include "main/process_lock.h"

namespace nuri {
namespace {

constexpr Duration kFirstRestart = 100ms;
constexpr Duration kLongestRestart = 10s;
constexpr Duration kStable = 30s;  // ran that long: the next restart is quick again
constexpr Duration kStopDeadline = 20s;

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

Task<IoResult<void>> end_of(async::Descriptor& pidfd) { co_return co_await pidfd.readable(); }

}  // namespace

Supervisor::Supervisor(async::Loop& loop, Settings settings, std::vector<net::HandedIn> listeners)
    : loop_(loop), settings_(std::move(settings)), listeners_(std::move(listeners)) {
  // Out of the way of the numbers that children get them as.
  for (auto& listener : listeners_)
    listener.fd = Fd(::fcntl(listener.fd.get(), F_DUPFD_CLOEXEC, 100));
}

Task<void> Supervisor::run() {
  async::TaskGroup group(loop_);
  group.spawn(keep({"host", {}}));
  group.spawn(keep({"router", {"apps", "api", "dns-udp", "dns-tcp"}}));
  group.spawn(keep({"server", {"api"}}));
  co_await group.join();
}

async::Child Supervisor::spawn(const Process& process) const {
  async::SpawnOptions options;
  options.argv = {settings_.program_dir + "/nuri", process.name};
  for (auto& argument : settings_argv(settings_)) options.argv.push_back(std::move(argument));
  int number = 3;
  for (const std::string& name : process.listeners)
    for (const auto& listener : listeners_)
      if (listener.name == name) options.more_fds.emplace_back(listener.fd.get(), number++);
  const auto env = environment(process.listeners);
  options.env = &env;
  options.own_session = true;
  return async::Child::spawn(loop_, options);
}

Task<void> Supervisor::run_once(const Process& process) {
  async::Child child = spawn(process);
  log_info("started", {{"process", process.name}, {"pid", child.pid()}});
  auto status = co_await child.wait();
  if (status) {
    log_warn("ended by itself", {{"process", process.name}, {"status", async::describe(*status)}});
    co_return;
  }
  child.signal(SIGTERM);
  auto ended = co_await async::shielded(kStopDeadline, child.wait());
  if (!ended) log_warn("did not stop in time and is killed", {{"process", process.name}});
}

Task<void> Supervisor::wait_for_adopted(const Process& process, int pid) {
  Fd fd(pidfd_open(pid, 0));
  if (!fd) co_return;
  // The number may have been given to another in the meantime: the lock tells.
  if (ProcessLock::holder(settings_.lock_of(process.name)) != pid) co_return;
  log_info("took over", {{"process", process.name}, {"pid", pid}});
  async::Descriptor pidfd(loop_, std::move(fd));
  if (co_await pidfd.readable()) {
    log_warn("ended by itself", {{"process", process.name}, {"pid", pid}});
    co_return;
  }
  pidfd_send_signal(pidfd.native(), SIGTERM, nullptr, 0);
  if (!co_await async::shielded(kStopDeadline, end_of(pidfd)))
    pidfd_send_signal(pidfd.native(), SIGKILL, nullptr, 0);
}

Task<void> Supervisor::keep(Process process) {
  Duration pause = kFirstRestart;
  for (;;) {
    const Time began = loop_.now();
    if (const auto pid = ProcessLock::holder(settings_.lock_of(process.name)))
      co_await wait_for_adopted(process, *pid);
    else
      co_await run_once(process);
    pause = loop_.now() - began > kStable ? kFirstRestart : std::min(pause * 2, kLongestRestart);
    if (!co_await async::sleep(pause)) co_return;
  }
}

}  // namespace nuri
