#pragma once

// For tests of the controllers: all of them over stores in memory, a fake machine and a router that
// serves what it is told, on a simulated loop. boot(), crash() and reboot() are lives of the
// server; what a server leaves behind (the disk, the machine, the router, logs, blobs) outlives it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "async/deadline.h"
#include "async/simulated_loop.h"
#include "base/json.h"
#include "control/audit_log.h"
#include "control/builder.h"
#include "control/collector.h"
#include "control/deleter.h"
#include "control/reconciler.h"
#include "engine/fake/fake_engine.h"
#include "image/memory_blob_store.h"
#include "model/job.h"
#include "model/release.h"
#include "model/routing.h"
#include "model/source.h"
#include "model/tenancy.h"
#include "plan/release.h"
#include "store/memory/memory_store.h"
#include "telemetry/memory_log_store.h"

namespace nuri::control {

class KeptRouter final : public RouteFeed {
 public:
  Task<IoResult<void>> publish(model::RouteTable told) override {
    if (!reachable) co_return std::unexpected(IoError::refused);
    table = std::move(told.routes);
    certificates = std::move(told.certificates);
    challenges = std::move(told.challenges);
    co_return IoResult<void>{};
  }
  Task<IoResult<void>> drained(std::string) override {
    co_return co_await async::sleep(longest_request);
  }
  bool sends_to(const std::string& instance) const {
    for (const auto& entry : table)
      for (const auto& upstream : entry.upstreams)
        if (upstream.id == instance) return true;
    return false;
  }
  const model::RouteEntry* entry(std::string_view host) const {
    for (const auto& one : table)
      if (one.host == host) return &one;
    return nullptr;
  }

  std::vector<model::RouteEntry> table;
  std::vector<model::TableCertificate> certificates;
  std::vector<model::TableChallenge> challenges;
  bool reachable = true;
  Duration longest_request{};
};

// How the engine behaves beyond the fake machine's faults, and what it was asked to do.
struct EngineScript {
  std::optional<Error> start_refused;   // thrown by every start
  Duration start_takes{};               // before anything is there
  int under_way = 0, most_at_once = 0;  // of starts
  std::optional<Error> build_refused;
  Duration build_takes{};
  std::set<InstanceGuid> sick;  // their probes fail
  std::optional<Error> collect_refused;

  std::vector<engine::InstanceSpec> started;
  std::vector<engine::BuildSpec> built;
  std::vector<InstanceGuid> stopped;
  bool stopped_while_routed = false;
  std::vector<AppGuid> forgotten;
  std::vector<std::set<Digest>> collected;
};

class ScriptedEngine final : public engine::Engine {
 public:
  ScriptedEngine(async::Loop& loop, engine::FakeMachine& machine, Random& random,
                 EngineScript& script, const KeptRouter& router)
      : fake_(loop, machine, random), script_(script), router_(router) {}

  Task<void> run() { return fake_.run(); }

  Task<void> start(engine::InstanceSpec spec) override {
    script_.started.push_back(spec);
    script_.most_at_once = std::max(script_.most_at_once, ++script_.under_way);
    if (script_.start_takes > 0ns) co_await take(script_.start_takes);
    --script_.under_way;
    if (script_.start_refused) throw Error(*script_.start_refused);
    co_await fake_.start(std::move(spec));
  }
  Task<void> stop(InstanceGuid guid, Duration grace) override {
    script_.stopped.push_back(guid);
    script_.stopped_while_routed |= router_.sends_to(guid.str());
    return fake_.stop(guid, grace);
  }
  Task<void> remove(InstanceGuid guid) override { return fake_.remove(guid); }
  Task<std::vector<engine::Observed>> observe() override { return fake_.observe(); }
  async::Event& changed() override { return fake_.changed(); }
  Task<engine::ProbeResult> probe(InstanceGuid guid, engine::Probe probe) override {
    if (script_.sick.contains(guid)) co_return engine::ProbeResult{false, "HTTP status 500", {}};
    co_return co_await fake_.probe(guid, std::move(probe));
  }
  Task<std::optional<engine::Stats>> stats(InstanceGuid guid) override { return fake_.stats(guid); }
  std::string upstream(const InstanceGuid& guid, int port) const override {
    return fake_.upstream(guid, port);
  }
  Task<engine::BuildResult> build(engine::BuildSpec spec) override {
    script_.built.push_back(spec);
    if (script_.build_takes > 0ns) co_await take(script_.build_takes);
    if (script_.build_refused) throw Error(*script_.build_refused);
    co_return co_await fake_.build(std::move(spec));
  }
  Task<void> forget_app(AppGuid app) override {
    co_await fake_.forget_app(app);
    script_.forgotten.push_back(app);
  }
  Task<void> collect(std::set<Digest> images_in_use) override {
    if (script_.collect_refused) throw Error(*script_.collect_refused);
    script_.collected.push_back(std::move(images_in_use));
    co_return;
  }

 private:
  static Task<void> take(Duration time) {
    if (auto slept = co_await async::sleep(time); !slept)
      throw error_of(slept.error(), "do what takes so long");
  }
  engine::FakeEngine fake_;
  EngineScript& script_;
  const KeptRouter& router_;
};

class ControlTest : public testing::Test {
 protected:
  struct Server {
    explicit Server(ControlTest& test)
        : store(test.disk_),
          pool(test.loop_, std::chrono::milliseconds(5)),
          live(store, pool),
          engine(test.loop_, test.machine_, test.random_, test.script_, test.router_),
          log(test.logs_, pool, test.loop_),
          routes(live, engine, test.router_),
          reconciler({test.loop_, live, engine, routes, log, test.random_}),
          builder({test.loop_, live, engine, log, test.random_}),
          deleter(test.loop_, live, engine, log),
          collector({test.loop_, live, pool, engine, test.blobs_, test.logs_, {test.base_image_}}),
          audit_log(live, log),
          tasks(test.loop_) {
      tasks.spawn(engine.run());
      tasks.spawn(routes.run());
      tasks.spawn(reconciler.run());
      tasks.spawn(builder.run());
      tasks.spawn(deleter.run());
      tasks.spawn(collector.run());
      tasks.spawn(audit_log.run());
    }
    store::MemoryStore store;
    async::SimulatedPool pool;
    store::LiveStore live;
    ScriptedEngine engine;
    AppLog log;
    Routes routes;
    Reconciler reconciler;
    Builder builder;
    Deleter deleter;
    Collector collector;
    AuditLog audit_log;
    async::TaskGroup tasks;
  };

  ControlTest() {
    boot();
    org_.name = "org";
    org_ = insert(org_);
    space_.name = "space";
    space_.org = org_.guid;
    space_ = insert(space_);
    domain_.name = "localhost";
    domain_ = insert(domain_);
  }

  void boot() { server_ = std::make_unique<Server>(*this); }
  // As kill -9: nothing that it would still do is done, what is committed stays.
  void crash() {
    disk_ = server_->store.snapshot();
    server_.reset();
  }
  void reboot() {
    crash();
    boot();
  }

  // Lets virtual time pass until `done`; false if it is not so within `limit`.
  template <class Done>
  bool until(Done done, Duration limit = std::chrono::minutes(30)) {
    loop_.drive(loop_.now() + limit, done);
    return done();
  }
  void pass(Duration time) {
    loop_.drive(loop_.now() + time, [] { return false; });
  }
  void take_steps(std::uint64_t steps) {
    const std::uint64_t end = loop_.steps() + steps;
    loop_.drive(loop_.now() + std::chrono::minutes(1), [&] { return loop_.steps() >= end; });
  }

  // Rows, as the API writes them.
  template <class Body>
  auto write(Body body) {
    return loop_.run(server_->live.write(std::move(body)));
  }
  template <class T>
  T insert(T row) {
    row.guid = decltype(row.guid)::make(random_);
    if (row.created_at == WallTime{}) row.created_at = loop_.wall();
    if (row.updated_at == WallTime{}) row.updated_at = row.created_at;
    write([row](store::Writer& tx) { tx.insert(row); });
    return row;
  }
  template <class T, class Edit>
  T change(const Guid<T>& guid, Edit edit) {
    return write([guid, edit](store::Writer& tx) { return tx.change(guid, edit); });
  }
  template <class T>
  std::optional<T> find(const Guid<T>& guid) {
    return server_->store.read([&](store::Reader& reader) { return reader.find(guid); });
  }
  template <class T>
  T row(const Guid<T>& guid) {
    return server_->store.read([&](store::Reader& reader) { return reader.get(guid); });
  }
  template <class T>
  std::vector<T> all(const store::Query<T>& query = {}) {
    return server_->store.read([&](store::Reader& reader) { return reader.all(query); });
  }

  model::App make_app(std::string name, int instances = 1) {
    model::App app;
    app.name = name;
    app.space = space_.guid;
    app = insert(app);
    model::Process web;
    web.app = app.guid;
    web.instances = instances;
    insert(web);
    model::Route route;
    route.space = space_.guid;
    route.domain = domain_.guid;
    route.host = std::move(name);
    route = insert(route);
    model::Destination to;
    to.route = route.guid;
    to.app = app.guid;
    insert(to);
    return app;
  }
  model::Package make_package(const model::App& app, std::string_view files) {
    model::Package package;
    package.app = app.guid;
    package.state = model::PackageState::ready;
    package.files = Digest::of(files);
    return insert(package);
  }
  model::Build make_build(const model::App& app, const model::Package& package) {
    model::Build build;
    build.app = app.guid;
    build.package = package.guid;
    return insert(build);
  }
  model::Droplet make_droplet(const model::App& app, const Digest& image) {
    model::Droplet droplet;
    droplet.app = app.guid;
    droplet.image = image;
    return insert(droplet);
  }
  model::Process web_of(const model::App& app) {
    return all(store::Query<model::Process>().where(&model::Process::app, app.guid)).front();
  }
  // Rolls `droplet` out, or starts it.
  model::Deployment deploy(const model::App& app, const model::Droplet& droplet) {
    return write([this, guid = app.guid, droplet = droplet.guid](store::Writer& tx) {
      auto changed = tx.get(guid);
      changed.current_droplet = droplet;
      plan::ReleaseWish wish;
      if (changed.state == model::AppState::stopped) wish.strategy = model::Strategy::recreate;
      changed.state = model::AppState::started;
      tx.update(changed);
      const auto latest =
          tx.first(store::Query<model::Revision>()
                       .where(&model::Revision::app, guid)
                       .order_by(&model::Revision::version, store::Order::descending));
      const auto processes =
          tx.all(store::Query<model::Process>().where(&model::Process::app, guid));
      auto release = plan::release(changed, processes, latest, wish, loop_.wall(), random_);
      if (release.revision) tx.insert(*release.revision);
      tx.insert(release.deployment);
      return release.deployment;
    });
  }
  // An app whose `instances` instances serve.
  model::App serving_app(std::string name, int instances = 1) {
    const model::App app = make_app(name, instances);
    deploy(app, make_droplet(app, Digest::of("image of " + name)));
    EXPECT_TRUE(until([&] { return serving(app) == static_cast<std::size_t>(instances); }));
    return app;
  }
  std::vector<model::Instance> instances_of(const model::App& app) {
    return all(store::Query<model::Instance>().where(&model::Instance::app, app.guid));
  }
  std::size_t serving(const model::App& app) {
    const auto rows = instances_of(app);
    return static_cast<std::size_t>(std::ranges::count_if(rows, [&](const model::Instance& row) {
      return row.routable && router_.sends_to(row.guid.str());
    }));
  }
  void stop(const model::App& app) {
    change(app.guid, [](model::App& row) { row.state = model::AppState::stopped; });
  }
  std::vector<model::Event> crashes() {
    return all(store::Query<model::Event>().where(&model::Event::type, "audit.app.process.crash"));
  }
  // The app's log: "SOURCE/INSTANCE text".
  std::vector<std::string> log_of(const model::App& app) {
    std::vector<std::string> out;
    for (const auto& line : logs_.read(app.guid.str(), {.sources = {}}))
      out.push_back(line.source + "/" + line.instance + " " + line.text);
    return out;
  }

  SeededRandom random_{1};
  async::SimulatedLoop loop_{1};
  engine::FakeMachine machine_{random_};
  KeptRouter router_;
  EngineScript script_;
  telemetry::MemoryLogStore logs_;
  image::MemoryBlobStore blobs_{loop_};
  const Digest base_image_ = Digest::of("base image");
  store::MemoryDisk disk_;
  model::Org org_;
  model::Space space_;
  model::Domain domain_;
  std::unique_ptr<Server> server_;  // last: it goes before what it uses
};

}  // namespace nuri::control
