#include "main/processes.h"

#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "async/epoll_loop.h"
#include "async/signals.h"
#include "async/task_group.h"
#include "base/limits.h"
#include "base/log.h"
#include "host/unpack.h"
#include "main/directories.h"
#include "main/privileges.h"
#include "main/process_lock.h"
#include "router/router.h"

namespace nuri {
namespace {

constexpr std::size_t kMostWorkers = 64;

int host_process(const cli::Arguments& arguments) {
  const Settings settings = settings_from(arguments);
  set_log_process("host");
  std::filesystem::create_directories(settings.run_dir);
  const ProcessLock lock(settings.lock_of("host"), "nuri host");
  return host::host_main(host_options(settings));
}

Task<void> until_signal(async::Signals& signals, async::TaskGroup& all) {
  if (auto number = co_await signals.next()) log_info("stopping", {{"signal", *number}});
  all.cancel();
}

Task<void> route(async::Loop& loop, router::RouterOptions options) {
  async::Signals signals(loop, {SIGTERM, SIGINT});
  async::TaskGroup group(loop);
  group.spawn(router::run_router(loop, std::move(options)));
  group.spawn(until_signal(signals, group));
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

int router_process(const cli::Arguments& arguments) {
  const Settings settings = settings_from(arguments);
  set_log_process("router");
  router::RouterOptions options;
  options.table_file = arguments.get("--table");
  std::optional<ProcessLock> lock;
  if (options.table_file.empty()) {
    serve_realm(settings, options);
    lock.emplace(settings.lock_of("router"), "nuri router");
  }
  options.listeners = net::handed_in_listeners();
  if (options.listeners.empty())
    options.listeners.push_back({"apps", net::listen_on(settings.apps)});
  if (arguments.has("--metrics"))
    options.listeners.push_back({"metrics", net::listen_on(address_of(arguments, "--metrics"))});
  options.workers = static_cast<std::size_t>(arguments.number(
      "--threads", std::max(1U, std::thread::hardware_concurrency()), 1, kMostWorkers));
  options.loop = loop_of(arguments);
  // Before any thread: it blocks the signals that are waited for.
  async::EpollLoop loop;
  loop.run(route(loop, std::move(options)));
  return 0;
}

int unpack(const cli::Arguments& arguments) {
  std::vector<std::string> words = arguments.all("ARGUMENT");
  words.insert(words.begin(), "host-unpack");
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  return host::unpack_main(static_cast<int>(argv.size()), argv.data());
}

}  // namespace

host::HostOptions host_options(const Settings& settings) {
  host::HostOptions out;
  out.realm = settings.realm;
  out.state_dir = settings.state_dir;
  out.run_dir = settings.run_dir;
  out.subnet = settings.subnet;
  out.shim_program = settings.program_dir + "/nuri-shim";
  out.lifecycle_dir = settings.program_dir;
  out.buildpacks_dir = settings.buildpacks_dir;
  if (settings.disk_reserve_mb > 0)
    out.disk_reserve_bytes = settings.disk_reserve_mb * limits::kMiB;
  return out;
}

cli::Verb host_verb() {
  cli::Verb verb;
  verb.name = "host";
  verb.group = "Processes";
  verb.summary = "The privileged helper: sandboxes, layers, network (nuri up runs it)";
  verb.flags = settings_flags();
  verb.run = host_process;
  return verb;
}

cli::Verb router_verb() {
  cli::Verb verb;
  verb.name = "router";
  verb.group = "Processes";
  verb.summary = "The data plane: every request of every app (nuri up runs it)";
  verb.details =
      "With --table it runs alone, as any user: it serves the routes of that file, reads it again "
      "at SIGHUP,\n"
      "and needs nothing else of Nuri (docs/formats/route_table.md has the format).\n\n"
      "  nuri router --table routes.json --listen 127.0.0.1:8000\n";
  verb.flags = settings_flags();
  verb.flags.push_back({"--table", "", "FILE", "serve this file's routes, alone"});
  verb.flags.push_back({"--metrics", "", "ADDRESS:PORT", "serve GET /metrics here (Prometheus)"});
  verb.flags.push_back({"--threads", "", "N", "worker threads (default: one a core)"});
  verb.flags.push_back({"--loop", "", "KIND", "io_uring, epoll, or auto (default): the better"});
  verb.run = router_process;
  return verb;
}

cli::Verb unpack_verb() {
  cli::Verb verb;
  verb.name = "host-unpack";
  verb.group = "";
  verb.summary = "Unpacks one layer (nuri host runs it)";
  verb.positionals = {{"ARGUMENT", "what the host says", cli::Positional::Need::rest}};
  verb.run = unpack;
  return verb;
}

}  // namespace nuri
