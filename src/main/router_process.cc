#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <thread>

#include "async/epoll_loop.h"
#include "async/signals.h"
#include "async/task_group.h"
#include "base/error.h"
#include "base/log.h"
#include "main/child_command.h"
#include "main/directories.h"
#include "main/privileges.h"
#include "main/processes.h"
#include "main/router_place.h"
#include "router/router.h"
#include "router/worker.h"

namespace nuri {
namespace {

// As it was started: the path of the program, in whose place a newer one may be by the time it is
// used, and its words.
std::vector<std::string> own_command_line() {
  std::vector<std::string> out = command_of(::getpid());
  out.at(0) = std::filesystem::read_symlink("/proc/self/exe");
  constexpr std::string_view kReplaced = " (deleted)";
  if (out[0].ends_with(kReplaced)) out[0].resize(out[0].size() - kReplaced.size());
  return out;
}

struct Running {
  async::Loop& loop;
  async::TaskGroup& group;
  router::RouterEnding& ending;
  std::vector<std::string> words;  // it was started with
};

// SIGUSR2: a successor. The first SIGTERM or SIGINT: drain; with SIGINT idle connections are not
// waited for. The second: end now.
Task<void> mind_signals(async::Signals& signals, Running running) {
  for (bool draining = false;;) {
    const auto number = co_await signals.next();
    if (!number) co_return;
    if (*number == SIGUSR2) {
      if (!draining && running.ending.listeners)
        running.group.spawn(run_successor(running.loop, running.words, *running.ending.listeners));
      continue;
    }
    log_info(draining ? "stopping" : "draining", {{"signal", *number}});
    if (draining) co_return running.group.cancel();
    draining = true;
    if (*number == SIGINT) running.ending.idle_grace = {};
    running.ending.drain.set();
  }
}

Task<void> run_to_the_end(async::Loop& loop, router::RouterOptions options,
                          router::RouterEnding& ending, async::TaskGroup& all) {
  co_await router::run_router(loop, std::move(options), ending);
  all.cancel();
}

Task<void> route(async::Loop& loop, router::RouterOptions options, RouterPlace& place) {
  async::Signals signals(loop, {SIGTERM, SIGINT, SIGUSR2});
  options.take_place = [&place] { return place.take(); };
  options.leave_place = [&place] { place.leave(); };
  options.pass_on_hangup = [&place] { place.pass_on(SIGHUP); };
  router::RouterEnding ending;
  async::TaskGroup group(loop);
  group.spawn(run_to_the_end(loop, std::move(options), ending, group));
  group.spawn(mind_signals(signals, {loop, group, ending, own_command_line()}));
  co_await group.join();
}

// As the data plane of a realm.
void serve_realm(const Settings& settings, router::RouterOptions& options) {
  if (::geteuid() == 0) {
    prepare_router_directories(settings);
    if (const passwd* server = ::getpwnam("nuri")) options.admin_uids.push_back(server->pw_uid);
    become("nuri-router");
  }
  options.admin_uids.push_back(::geteuid());
  options.admin_socket = settings.router_socket();
  options.metrics_socket =
      std::filesystem::path(options.admin_socket).parent_path() / "metrics.sock";
  options.journal_file = settings.state_dir + "/router/routes";
  options.logs_directory = settings.logs_dir();
}

async::LoopKind loop_of(const cli::Arguments& arguments) {
  const std::string name = arguments.get("--loop", "auto");
  const auto kind = async::loop_kind_of(name);
  if (!kind)
    throw Error(Code::bad_request, "--loop is auto, io_uring or epoll, not \"" + name + "\"");
  return *kind;
}

std::vector<net::HandedIn> listeners_of(const cli::Arguments& arguments, const Settings& settings) {
  auto out = net::handed_in_listeners();
  const bool alone = out.empty();
  if (alone) out.push_back({"apps", net::listen_at_start(settings.apps)});
  if (alone && settings.tls) out.push_back({"apps-tls", net::listen_at_start(*settings.tls)});
  if (arguments.has("--metrics") &&
      std::ranges::find(out, "metrics", &net::HandedIn::name) == out.end())
    out.push_back({"metrics", net::listen_at_start(address_of(arguments, "--metrics"))});
  return out;
}

int router_process(const cli::Arguments& arguments) {
  const Settings settings = settings_from(arguments);
  set_log_process("router");
  router::RouterOptions options;
  options.table_file = arguments.get("--table");
  std::string lock = arguments.get("--pid-file");
  std::optional<ProcessLock> slot;
  if (options.table_file.empty()) {
    serve_realm(settings, options);
    lock = settings.lock_of("router");
    const auto number = router_slot(settings.router_dir(), slot);
    options.log_slot = number.value_or(0);
    if (!number) {
      log_warn("many routers drain: this one writes no access lines");
      options.logs_directory.clear();
    }
  }
  options.listeners = listeners_of(arguments, settings);
  options.workers = static_cast<std::size_t>(
      arguments.number("--threads", std::max(1U, std::thread::hardware_concurrency()), 1,
                       static_cast<long>(router::kMostWorkers)));
  options.loop = loop_of(arguments);
  options.front = {net::Networks::parse(settings.trusted, limits::kTrustedNetworks),
                   settings.proxy_protocol};
  if (settings.tls) options.https_port = settings.tls->port();
  options.drain_limit = std::chrono::seconds(settings.drain_seconds);
  // Before any thread, and before there is a pid file: whoever reads that may signal at once.
  async::Signals::hold({SIGHUP, SIGTERM, SIGINT, SIGUSR2});
  async::EpollLoop loop;
  RouterPlace place(loop, lock, static_cast<int>(arguments.number("--take-over", 0, 0, 1 << 30)));
  loop.run(route(loop, std::move(options), place));
  return 0;
}

}  // namespace

cli::Verb router_verb() {
  cli::Verb verb;
  verb.name = "router";
  verb.group = "Processes";
  verb.summary = "The data plane: every request of every app (nuri up runs it)";
  verb.details =
      "With --table it runs alone, as any user: it serves the routes of that file, reads it again "
      "at SIGHUP,\n"
      "and needs nothing else of Nuri (docs/formats/route_table.md has the format).\n\n"
      "  nuri router --table routes.json --listen 127.0.0.1:8000\n\n"
      "  nuri router --table routes.json --listen 127.0.0.1:8000 --tls 127.0.0.1:8443\n\n"
      "SIGUSR2 starts the program anew (a newer one, if it was replaced): the new router accepts "
      "once it is\n"
      "ready, the old one finishes what is in flight and ends; nothing is lost. SIGTERM: finish "
      "and end.\n";
  verb.flags = settings_flags();
  verb.flags.push_back({"--table", "", "FILE", "serve this file's routes, alone"});
  verb.flags.push_back({"--metrics", "", "ADDRESS:PORT", "serve GET /metrics here (Prometheus)"});
  verb.flags.push_back({"--threads", "", "N", "worker threads (default: one a core)"});
  verb.flags.push_back(
      {"--loop", "", "KIND",
       "io_uring, epoll, or auto (default): io_uring where the kernel permits it"});
  verb.flags.push_back({"--pid-file", "", "FILE", "with --table: says which process serves"});
  verb.flags.push_back({"--take-over", "", "PID", "follow this router, and tell it to drain"});
  verb.run = router_process;
  return verb;
}

}  // namespace nuri
