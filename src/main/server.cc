#include "main/server.h"

#include <fmt/format.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "api/cf/api.h"
#include "async/epoll_loop.h"
#include "async/signals.h"
#include "base/log.h"
#include "control/audit_log.h"
#include "control/builder.h"
#include "control/challenges.h"
#include "control/collector.h"
#include "control/deleter.h"
#include "control/reconciler.h"
#include "control/self_signed.h"
#include "engine/local/local_engine.h"
#include "http/server.h"
#include "image/directory_blob_store.h"
#include "main/authority_certificates.h"
#include "main/directories.h"
#include "main/first_start.h"
#include "main/privileges.h"
#include "main/process_lock.h"
#include "main/router_feed.h"
#include "main/settings.h"
#include "net/listener.h"
#include "store/sqlite/sqlite_store.h"
#include "telemetry/directory_log_store.h"

namespace nuri {
namespace {

constexpr std::uint64_t kDiskReserve = 1 * limits::kGiB;
constexpr std::size_t kStreamThreads = 4;  // two a build, two builds at once
constexpr Duration kDrainDeadline = 10s;

// What builds need to reach the world as the operator does; never part of an app's image.
std::vector<std::pair<std::string, std::string>> operator_environment() {
  std::vector<std::pair<std::string, std::string>> out;
  for (const char* name :
       {"http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
        "npm_config_registry", "NPM_CONFIG_REGISTRY", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL",
        "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT", "GOPROXY", "GONOSUMDB", "GOSUMDB"})
    if (const char* value = ::getenv(name)) out.emplace_back(name, value);
  return out;
}

std::string operator_certificates() {
  const char* named = ::getenv("SSL_CERT_FILE");
  std::ifstream file(named ? named : "/etc/ssl/certs/ca-certificates.crt");
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

net::Listener api_listener(async::Loop& loop, const Settings& settings) {
  for (auto& handed : net::handed_in_listeners())
    if (handed.name == "api" || handed.name.empty())
      return net::Listener(loop, std::move(handed.fd));
  return net::Listener(loop, net::listen_at_start(settings.api));
}

// The server's parts, in the order in which they are made.
class Server {
 public:
  explicit Server(const Settings& settings)
      : settings_(settings),
        lock_(settings.lock_of("server"), "nuri server"),
        listener_(api_listener(loop_, settings)),
        store_(settings.server_dir() + "/nuri.db"),
        blobs_(
            {settings.server_dir() + "/images",
             settings.disk_reserve_mb > 0 ? settings.disk_reserve_mb * limits::kMiB : kDiskReserve,
             std::chrono::hours(24)},
            clock_),
        logs_(settings.logs_dir()),
        tokens_(identity::load_or_make_token_key(settings.server_dir() + "/token.key", random_),
                clock_, random_),
        logins_(tokens_, clock_, random_),
        login_limit_(clock_),
        base_(prepare()) {}

  void run() { loop_.run(serve()); }

 private:
  // Takes seconds at the very first start; a signal ends the process, as kill -9 might.
  BaseImages prepare() {
    ensure_admin(store_, hash_, settings_, clock_, random_);
    ensure_tenancy(store_, settings_, clock_, random_);
    prepare_certificate();
    return ensure_base_images(blobs_, settings_.base_images);
  }
  // A domain for which there can be none is served all the same, without TLS.
  void prepare_certificate() {
    try {
      control::ensure_self_signed(store_, settings_.domain, clock_.wall(), random_);
    } catch (const Error& error) {
      if (error.code() != Code::unprocessable) throw;
      log_warn("there is no certificate for the apps' domain",
               {{"domain", settings_.domain}, {"error", error.message()}});
    }
  }
  Task<void> serve();

  Settings settings_;
  ProcessLock lock_;
  SystemClock clock_;
  SystemRandom random_;
  async::EpollLoop loop_;
  net::Listener listener_;
  store::SqliteStore store_;
  image::DirectoryBlobStore blobs_;
  telemetry::DirectoryLogStore logs_;
  identity::Argon2idHash hash_;
  identity::Tokens tokens_;
  identity::Logins logins_;
  identity::LoginLimit login_limit_;
  BaseImages base_;
};

engine::local::LocalSettings engine_settings(const Settings& settings, const BaseImages& base) {
  engine::local::LocalSettings out;
  out.host_socket = settings.host_socket();
  out.instances_dir = settings.instances_dir();
  out.run_image = base.run;
  out.build_image = base.build;
  out.platform_env = operator_environment();
  out.ca_bundle = operator_certificates();
  return out;
}

Task<void> stop_on_signal(async::Signals& signals, http::Server& api, async::TaskGroup& all) {
  auto number = co_await signals.next();
  if (!number) co_return;
  log_info("stopping", {{"signal", *number}});
  api.drain();
  const Clock& clock = all.scope().loop();
  const Time began = clock.now();
  while (api.connections() > 0 && clock.now() - began < kDrainDeadline)
    if (!co_await async::sleep(20ms)) break;
  all.cancel();
}

Task<void> Server::serve() {
  async::Signals signals(loop_, {SIGTERM, SIGINT});  // before the first thread
  async::ThreadPool pool(limits::kBlockingThreads, limits::kBlockingQueue);
  async::ThreadPool streams(kStreamThreads, limits::kBlockingQueue);
  store::LiveStore store(store_, pool);
  engine::local::LocalEngine engine(loop_, pool, streams, blobs_,
                                    engine_settings(settings_, base_));
  RouterFeed feed(loop_, settings_.router_socket());
  control::AppLog log(logs_, pool, clock_);
  control::Routes routes(store, engine, feed, settings_.domain);
  control::Reconciler reconciler({loop_, store, engine, routes, log, random_});
  control::Builder builder({loop_, store, engine, log, random_});
  control::Deleter deleter(loop_, store, engine, log);
  control::Collector collector(
      {loop_, store, pool, engine, blobs_, logs_, {base_.run, base_.build}, &logins_});
  control::AuditLog audit_log(store, log);
  control::Challenges challenges(routes);
  std::optional<AuthorityCertificates> authority;
  if (!settings_.acme.directory.empty())
    authority.emplace(loop_, store, random_, settings_.acme, challenges);
  api::CfApi api({loop_, store, store_, pool, engine, blobs_, logs_, tokens_, logins_, login_limit_,
                  hash_, random_, settings_.api_url(), settings_.apps.port(),
                  settings_.server_dir() + "/uploads", settings_.tls ? settings_.tls->port() : 0});
  http::Server server(loop_, api);

  async::TaskGroup group(loop_);
  group.spawn(engine.run());
  group.spawn(feed.run());
  group.spawn(routes.run());
  group.spawn(reconciler.run());
  group.spawn(builder.run());
  group.spawn(deleter.run());
  group.spawn(collector.run());
  group.spawn(audit_log.run());
  if (authority) group.spawn(authority->run());
  group.spawn(server.run(std::move(listener_)));
  group.spawn(stop_on_signal(signals, server, group));
  log_info("serving", {{"api", settings_.api_url()}});
  co_await group.join();
}

int server(const cli::Arguments& arguments) {
  const Settings settings = settings_from(arguments);
  set_log_process("server");
  if (::geteuid() == 0) {
    prepare_server_directories(settings);
    become("nuri");
  }
  ::signal(SIGPIPE, SIG_IGN);
  std::filesystem::create_directories(settings.server_dir() + "/uploads");
  Server(settings).run();
  return 0;
}

}  // namespace

cli::Verb server_verb() {
  cli::Verb verb;
  verb.name = "server";
  verb.group = "Processes";
  verb.summary = "The control plane: API, controllers, store (nuri up runs it)";
  verb.flags = settings_flags();
  verb.run = server;
  return verb;
}

}  // namespace nuri
