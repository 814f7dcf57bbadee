#include "main/up.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <signal.h>
extern "C" {  // the header of glibc 2.36 forgets it
#include <sys/pidfd.h>
}
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

#include "async/deadline.h"
#include "async/epoll_loop.h"
#include "async/signals.h"
#include "base/log.h"
#include "host/realm.h"
#include "http/client.h"
#include "main/child_command.h"
#include "main/listeners.h"
#include "main/process_lock.h"
#include "main/processes.h"
#include "main/supervisor.h"
#include "router/table_feed.h"

namespace nuri {
namespace {

constexpr Duration kReadyDeadline = 60s;
constexpr Duration kDownDeadline = 60s;
constexpr std::uintmax_t kLogBytes =
    16 * limits::kMiB;  // of the log of a detached Nuri, at its start

void require_root(std::string_view verb) {
  if (::geteuid() != 0)
    throw Error(Code::forbidden,
                fmt::format("nuri {} needs root: it makes namespaces, mounts and users' "
                            "processes. Try: sudo nuri {}",
                            verb, verb));
}

void require_directory(std::string_view flag, const std::string& path) {
  if (!std::filesystem::is_directory(path))
    throw Error(
        Code::not_found,
        fmt::format("there is no directory {} ({} names it; 'make up' makes it)", path, flag));
}

void require_program(std::string_view flag, const std::string& path) {
  std::error_code ec;
  const auto status = std::filesystem::status(path, ec);
  constexpr auto kExecutable = std::filesystem::perms::owner_exec |
                               std::filesystem::perms::group_exec |
                               std::filesystem::perms::others_exec;
  if (status.type() != std::filesystem::file_type::regular ||
      (status.permissions() & kExecutable) == std::filesystem::perms::none)
    throw Error(Code::not_found, fmt::format("there is no program {} ({} names it)", path, flag));
}

host::RealmSettings realm_settings(const Settings& settings) {
  host::RealmSettings out;
  out.name = settings.realm;
  out.state_dir = settings.state_dir;
  out.run_dir = settings.run_dir;
  if (!settings.subnet.empty()) {
    out.subnet = host::Ipv4Network::parse(settings.subnet);
    if (!out.subnet)
      throw Error(
          Code::bad_request,
          fmt::format("--subnet takes a network as in 10.7.0.0/16, not '{}'", settings.subnet));
  }
  return out;
}

// Reads "ready" or the reason why not from the detached child.
int wait_for_detached(Fd from) {
  std::string said;
  char buffer[1024];
  for (ssize_t n; (n = ::read(from.get(), buffer, sizeof buffer)) != 0;) {
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) break;
    said.append(buffer, static_cast<std::size_t>(n));
  }
  if (said == "ready") return 0;
  throw Error(Code::unavailable,
              said.empty() ? "nuri up ended before it was ready; see its log" : said);
}

// The parent returns the pipe to wait on; the child goes on, in its own session, with its output in
// `log`.
std::optional<Fd> detach(const std::string& log, Fd& report) {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) throw system_error("make a pipe", errno);
  const pid_t pid = ::fork();
  if (pid < 0) throw system_error("start in the background", errno);
  if (pid > 0) {
    ::close(fds[1]);
    return Fd(fds[0]);
  }
  ::close(fds[0]);
  report = Fd(fds[1]);
  ::setsid();
  std::error_code ec;
  if (std::filesystem::file_size(log, ec) > kLogBytes && !ec)
    std::filesystem::rename(log, log + ".1", ec);
  const Fd out(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  const Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!out || !null) throw system_error(fmt::format("open {}", log), errno);
  ::dup2(null.get(), 0);
  ::dup2(out.get(), 1);
  ::dup2(out.get(), 2);
  return std::nullopt;
}

Task<IoResult<int>> health_of(async::Loop& loop, std::string url) {
  http::SocketDialer dialer(loop);
  http::Client client(loop, dialer);
  http::ClientRequest request;
  request.url = url + "/healthz";
  auto response = co_await client.request(std::move(request));
  if (!response) co_return std::unexpected(response.error());
  co_return response->status;
}

Task<IoResult<void>> until_ready(async::Loop& loop, std::string url) {
  for (;;) {
    auto status = co_await async::within(2s, health_of(loop, url));
    if (status && *status == 200) co_return IoResult<void>{};
    if (auto slept = co_await async::sleep(50ms); !slept) co_return slept;
  }
}

// `turn` ends once Nuri is ready.
Task<void> supervise(async::Loop& loop, Settings settings, std::vector<net::HandedIn> listeners,
                     Fd report, std::optional<ProcessLock> turn) {
  async::Signals signals(loop, {SIGTERM, SIGINT, SIGHUP, SIGUSR2});
  Supervisor supervisor(loop, settings, std::move(listeners));
  async::TaskGroup group(loop);
  group.spawn(supervisor.run());
  group.spawn([](async::Loop& on, Settings s, Fd to, std::optional<ProcessLock>) -> Task<void> {
    auto ready = co_await async::within(kReadyDeadline, until_ready(on, s.api_url()));
    const std::string said =
        ready ? "ready"
              : fmt::format("Nuri did not answer at {} within 60 s; see its log", s.api_url());
    if (to) {
      [[maybe_unused]] const ssize_t n = ::write(to.get(), said.data(), said.size());
    } else if (ready) {
      fmt::print("Nuri is up.\n  API   {}\n  apps  {}\n", s.api_url(), s.app_url("NAME"));
      if (s.tls) fmt::print("        {}\n", s.secure_app_url("NAME"));
      fmt::print("  Ctrl-C stops Nuri; apps run on until 'nuri down'.\n");
      std::fflush(stdout);
    }
  }(loop, settings, std::move(report), std::move(turn)));
  group.spawn([](async::Signals& wanted, async::TaskGroup& all, Supervisor& keeper) -> Task<void> {
    while (auto number = co_await wanted.next()) {
      if (*number == SIGUSR2) keeper.leave_router();
      if (*number != SIGHUP) co_return all.cancel();
    }
  }(signals, group, supervisor));
  co_await group.join();
}

// False: it has not ended within `limit`.
bool wait_for_end(int pidfd, Duration limit) {
  pollfd wanted{pidfd, POLLIN, 0};
  return ::poll(&wanted, 1, static_cast<int>(limit / 1ms)) == 1;
}

// Ends the process that holds the lock, by force if it does not end by itself. One that drains has
// given it up by then.
void end_process(const Settings& settings, const std::string& name, int signal = SIGTERM) {
  const std::string lock = settings.lock_of(name);
  while (const auto pid = ProcessLock::holder(lock)) {
    const Fd process(pidfd_open(*pid, 0));
    if (!process || ProcessLock::holder(lock) != pid) continue;
    pidfd_send_signal(process.get(), signal, nullptr, 0);
    if (wait_for_end(process.get(), kDownDeadline / 2)) continue;
    pidfd_send_signal(process.get(), SIGKILL, nullptr, 0);
    if (!wait_for_end(process.get(), kDownDeadline / 2))
      throw Error(Code::timeout, fmt::format("nuri {} (process {}) does not end", name, *pid));
  }
}

// Whether the Nuri that process `pid` keeps up answers. False: it has ended, as one does a moment
// after it was killed, its lock still its own.
bool is_up(pid_t pid, const Settings& settings) {
  const Fd process(pidfd_open(pid, 0));
  if (!process) return false;
  const auto until = std::chrono::steady_clock::now() + kReadyDeadline;
  async::EpollLoop loop;
  while (!wait_for_end(process.get(), 50ms)) {
    if (loop.run(async::within(2s, health_of(loop, settings.api_url()))) == 200) return true;
    if (std::chrono::steady_clock::now() > until)
      throw Error(Code::unavailable,
                  fmt::format("Nuri is up (process {}), but does not answer at {}; see its log",
                              pid, settings.api_url()));
  }
  return false;
}

std::string told(const Settings& settings) {
  return fmt::format("{}\n", fmt::join(settings_argv(settings), "\n"));
}

// Whether what `nuri up`, process `pid`, keeps running is what this one would.
bool keeps_the_same(pid_t pid, const Settings& settings) {
  std::ifstream file(settings.told_file());
  return !is_another_build(pid) &&
         std::string(std::istreambuf_iterator<char>(file), {}) == told(settings);
}

// The sockets that the router has, less those of TCP routes: a router has them from the one before
// it. One that starts answers after a moment.
std::vector<net::HandedIn> held_by_router(const Settings& settings) {
  std::vector<net::HandedIn> listeners = router::fetch_listeners(settings.router_socket());
  for (int left = 100; listeners.empty() && left > 0; --left) {
    if (!ProcessLock::holder(settings.lock_of("router"))) break;
    std::this_thread::sleep_for(50ms);
    listeners = router::fetch_listeners(settings.router_socket());
  }
  std::erase_if(listeners, [](const auto& listener) { return listener.name.starts_with("tcp-"); });
  return listeners;
}

int up(const cli::Arguments& arguments) {
  require_root("up");
  const Settings settings = settings_from(arguments);
  require_directory("--buildpacks", settings.buildpacks_dir);
  require_directory("--base-images", settings.base_images);
  if (!settings.acme.hook.empty()) require_program("--acme-hook", settings.acme.hook);
  const host::Realm realm = host::open_realm(realm_settings(settings));
  std::filesystem::create_directories(settings.run_dir);
  // Two at once, each with something else in mind, would each end what the other begins.
  const std::string turns = settings.lock_of("turn");
  if (const auto starting = ProcessLock::holder(turns))
    fmt::print(stderr, "Another 'nuri up' (process {}) starts Nuri: waiting for it.\n", *starting);
  std::optional turn = ProcessLock::in_turn(turns);
  auto other = ProcessLock::holder(settings.lock_of("up"));
  if (other && arguments.has("--detach") && keeps_the_same(*other, settings)) {
    if (is_up(*other, settings)) {
      fmt::print("Nuri is up already (process {}).\n", *other);
      return 0;
    }
    other.reset();
  }
  Fd report;
  std::optional<ProcessLock> lock;
  std::vector<net::HandedIn> listeners = held_by_router(settings);
  const auto open = [&] {
    listeners = open_listeners(settings, realm.gateway().str(), std::move(listeners));
  };
  // What another program holds shall be known before anything ends.
  if (!listeners.empty()) open();
  if (other && arguments.has("--detach")) {
    fmt::print(
        "Nuri is up already, as another build or with other settings: it is started anew; apps run "
        "on.\n");
    std::fflush(stdout);
    // Its router serves on until the new one can.
    end_process(settings, "up", SIGUSR2);
    if (listeners.empty()) listeners = held_by_router(settings);
  }
  open();  // what is there already is taken
  if (arguments.has("--detach"))
    if (auto parent = detach(settings.state_dir + "/nuri.log", report))
      return wait_for_detached(std::move(*parent));  // whose turn it is until then
  lock.emplace(settings.lock_of("up"), "nuri up");
  std::ofstream(settings.told_file()) << told(settings);
  set_log_process("up");
  async::EpollLoop loop;
  loop.run(supervise(loop, settings, std::move(listeners), std::move(report), std::move(turn)));
  return 0;
}

int down(const cli::Arguments& arguments) {
  require_root("down");
  const Settings settings = settings_from(arguments);
  if (!std::filesystem::exists(settings.state_dir)) {
    fmt::print("There is no Nuri '{}' on this machine: {} does not exist.\n", settings.realm,
               settings.state_dir);
    return 0;
  }
  for (const char* name : {"up", "server"}) end_process(settings, name);
  end_process(settings, "router", SIGINT);
  end_process(settings, "host");
  host::host_sweep_main(host_options(settings));
  std::error_code ec;
  std::filesystem::remove_all(settings.run_dir, ec);
  fmt::print(
      "Nuri is down: its processes, apps and everything they used on this machine are gone. What "
      "is in "
      "{} stays.\n",
      settings.state_dir);
  return 0;
}

}  // namespace

cli::Verb up_verb() {
  cli::Verb verb;
  verb.name = "up";
  verb.group = "Platform";
  verb.summary = "Start Nuri on this machine and keep it running";
  verb.details =
      "Starts the host, the router and the server, and starts each again when it ends. Apps run on "
      "while any\n"
      "of them is away.\n\n"
      "  nuri up                           in the foreground; Ctrl-C stops Nuri, apps run on\n"
      "  nuri up --detach                  in the background; returns when the API answers\n"
      "                                    If Nuri is up already, as another build or with\n"
      "                                    other flags, it is started anew; apps run on\n"
      "  nuri up --realm test --listen 127.0.0.1:9080 --api 127.0.0.1:9081   a second Nuri beside "
      "the first\n";
  verb.flags = settings_flags();
  verb.flags.push_back({"--detach", "-d", "", "go to the background when Nuri answers"});
  verb.run = up;
  return verb;
}

cli::Verb down_verb() {
  cli::Verb verb;
  verb.name = "down";
  verb.group = "Platform";
  verb.summary = "Stop Nuri and all its apps, leaving only data";
  verb.details =
      "Ends Nuri's processes and every app, and removes what they used: namespaces, mounts, "
      "cgroups, network\n"
      "rules, loop devices. Databases, images and logs stay; 'nuri up' brings the apps back.\n";
  verb.flags = settings_flags();
  verb.run = down;
  return verb;
}

}  // namespace nuri
