#include "user_actions.h"

#include "model/job.h"
#include "model/routing.h"
#include "model/tenancy.h"
#include "plan/release.h"

namespace nuri::sim {

using store::Order;
using store::Query;

namespace {

template <class T>
T made(const Desk& desk) {
  T row;
  row.guid = decltype(row.guid)::make(desk.random);
  row.created_at = row.updated_at = desk.clock.wall();
  return row;
}

void roll_out(store::Writer& tx, const Desk& desk, const AppGuid& guid, model::Strategy strategy) {
  const auto latest = tx.first(Query<model::Revision>()
                                   .where(&model::Revision::app, guid)
                                   .order_by(&model::Revision::version, Order::descending));
  plan::ReleaseWish wish;
  wish.strategy = strategy;
  const auto release =
      plan::release(tx.get(guid), tx.all(Query<model::Process>().where(&model::Process::app, guid)),
                    latest, wish, desk.clock.wall(), desk.random);
  if (release.revision) tx.insert(*release.revision);
  tx.insert(release.deployment);
  desk.ledger.note(guid, [revision = release.deployment.revision.str(),
                          deployment = release.deployment.guid.str()](ExpectedApp& app) {
    app.revisions.insert(revision);
    app.deployments.insert(deployment);
  });
}

void begin(store::Writer& tx, const Desk& desk, const AppGuid& guid) {
  tx.change(guid, [](model::App& app) { app.state = model::AppState::started; });
  desk.ledger.note(guid, [](ExpectedApp& app) { app.state = model::AppState::started; });
  roll_out(tx, desk, guid, model::Strategy::recreate);
}

}  // namespace

void found(store::Writer& tx, Desk& desk) {
  auto org = made<model::Org>(desk);
  org.name = "org";
  tx.insert(org);
  auto space = made<model::Space>(desk);
  space.name = "space";
  space.org = org.guid;
  tx.insert(space);
  auto domain = made<model::Domain>(desk);
  domain.name = "localhost";
  tx.insert(domain);
  desk.space = space.guid;
  desk.domain = domain.guid;
}

AppGuid create_app(store::Writer& tx, const Desk& desk, const std::string& name,
                   const std::vector<ProcessWish>& processes) {
  auto app = made<model::App>(desk);
  app.name = name;
  app.space = desk.space;
  tx.insert(app);
  for (const ProcessWish& wish : processes) {
    auto process = made<model::Process>(desk);
    process.app = app.guid;
    process.type = wish.type;
    process.instances = wish.instances;
    process.health_check.type = wish.check;
    tx.insert(process);
  }
  auto route = made<model::Route>(desk);
  route.space = desk.space;
  route.domain = desk.domain;
  route.host = name;
  tx.insert(route);
  auto destination = made<model::Destination>(desk);
  destination.route = route.guid;
  destination.app = app.guid;
  tx.insert(destination);
  desk.ledger.note(app.guid, [processes](ExpectedApp& expected) {
    for (const ProcessWish& wish : processes) expected.instances[wish.type] = wish.instances;
  });
  return app.guid;
}

BuildGuid begin_push(store::Writer& tx, const Desk& desk, const AppGuid& app, Digest files) {
  auto package = made<model::Package>(desk);
  package.app = tx.get(app).guid;
  package.state = model::PackageState::ready;
  package.files = files;
  tx.insert(package);
  auto build = made<model::Build>(desk);
  build.app = app;
  build.package = package.guid;
  tx.insert(build);
  desk.ledger.note(app,
                   [package = package.guid.str(), build = build.guid.str()](ExpectedApp& expected) {
                     expected.packages.insert(package);
                     expected.builds.insert(build);
                   });
  return build.guid;
}

bool finish_push(store::Writer& tx, const Desk& desk, const BuildGuid& guid) {
  const auto build = tx.get(guid);
  if (!build.droplet) return false;
  auto app = tx.get(build.app);
  app.current_droplet = build.droplet;
  tx.update(app);
  if (app.state == model::AppState::started)
    roll_out(tx, desk, app.guid, model::Strategy::rolling);
  else
    begin(tx, desk, app.guid);
  return true;
}

bool start_app(store::Writer& tx, const Desk& desk, const AppGuid& guid) {
  const auto app = tx.get(guid);
  if (app.state == model::AppState::started || !app.current_droplet) return false;
  begin(tx, desk, guid);
  return true;
}

bool stop_app(store::Writer& tx, const Desk& desk, const AppGuid& guid) {
  tx.change(guid, [](model::App& app) { app.state = model::AppState::stopped; });
  desk.ledger.note(guid, [](ExpectedApp& app) { app.state = model::AppState::stopped; });
  return true;
}

bool restart_app(store::Writer& tx, const Desk& desk, const AppGuid& guid) {
  const auto app = tx.get(guid);
  if (!app.current_droplet) return false;
  if (app.state == model::AppState::started)
    roll_out(tx, desk, guid, model::Strategy::rolling);
  else
    begin(tx, desk, guid);
  return true;
}

bool scale(store::Writer& tx, const Desk& desk, const AppGuid& guid, const std::string& type,
           int instances) {
  tx.get(guid);
  for (auto& process : tx.all(Query<model::Process>().where(&model::Process::app, guid))) {
    if (process.type != type) continue;
    process.instances = instances;
    tx.update(process);
    desk.ledger.note(guid,
                     [type, instances](ExpectedApp& app) { app.instances[type] = instances; });
  }
  return true;
}

bool set_env(store::Writer& tx, const Desk& desk, const AppGuid& guid, const std::string& value) {
  const auto app = tx.change(guid, [&](model::App& row) { row.env["V"] = value; });
  desk.ledger.note(guid, [value](ExpectedApp& expected) { expected.env["V"] = value; });
  if (app.state == model::AppState::started && app.current_droplet)
    roll_out(tx, desk, guid, model::Strategy::rolling);
  return true;
}

bool cancel_deployment(store::Writer& tx, const Desk&, const AppGuid& guid) {
  for (auto& deployment :
       tx.all(Query<model::Deployment>()
                  .where(&model::Deployment::app, guid)
                  .where(&model::Deployment::state, model::DeploymentState::active))) {
    deployment.reason = model::DeploymentReason::canceling;
    tx.update(deployment);
  }
  return true;
}

bool delete_app(store::Writer& tx, const Desk& desk, const AppGuid& guid) {
  tx.get(guid);
  auto job = made<model::Job>(desk);
  job.operation = "app.delete";
  job.resource_type = "app";
  job.resource_guid = guid.str();
  tx.insert(job);
  desk.ledger.note(guid, [](ExpectedApp& app) { app.delete_asked = true; });
  return true;
}

}  // namespace nuri::sim
