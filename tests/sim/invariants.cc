#include "invariants.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/instance.h"
#include "model/job.h"
#include "model/source.h"
#include "trace.h"

namespace nuri::sim {

using engine::Behaviour;
using model::AppState;
using model::Deployment;
using model::DeploymentReason;
using model::DeploymentState;
using model::Instance;
using model::InstanceState;
using store::Noun;
using store::Query;

std::string RowRules::after_commit(store::Reader& reader, const store::Changes& changes) {
  const bool relevant = std::ranges::any_of(changes, [](const store::Change& change) {
    return change.noun == Noun::instance || change.noun == Noun::app;
  });
  if (!relevant) return {};
  const auto apps = reader.all(Query<model::App>());
  for (const auto& app : apps)
    if (std::string text = check(reader, app); !text.empty()) return text;
  return {};
}

std::string RowRules::check(store::Reader& reader, const model::App& app) {
  std::map<ProcessGuid, model::Process> processes;
  for (auto& process : reader.all(Query<model::Process>().where(&model::Process::app, app.guid)))
    processes.emplace(process.guid, process);
  std::set<InstanceGuid> now;
  std::map<InstanceGuid, Instance> rows;
  for (auto& row : reader.all(Query<Instance>().where(&Instance::app, app.guid))) {
    if (row.routable) {
      if (row.state != InstanceState::running || row.deployment != app.current_deployment)
        return fmt::format("instance {} gets requests, but it does not serve", brief(row.guid));
      if (processes.at(row.process).type == "web") now.insert(row.guid);
    }
    rows.emplace(row.guid, row);
  }
  std::set<InstanceGuid>& before = serving_[app.guid];
  std::string text;
  if (now.empty() && !before.empty() && app.state == AppState::started) {
    const bool recreates = std::ranges::any_of(
        reader.all(Query<Deployment>()
                       .where(&Deployment::app, app.guid)
                       .where(&Deployment::state, DeploymentState::active)),
        [](const Deployment& d) { return d.strategy == model::Strategy::recreate; });
    for (const InstanceGuid& guid : before) {
      const auto row = rows.find(guid);
      const bool excused =
          row != rows.end() && (row->second.state == InstanceState::crashed ||
                                row->second.index >= processes.at(row->second.process).instances);
      if (!recreates && !excused)
        text = fmt::format("app {} served, and now nothing does: instance {} was taken away",
                           brief(app.guid), brief(guid));
    }
  }
  before = std::move(now);
  return text;
}

std::string machine_rules(const engine::FakeMachine& machine, const FakeRouter& router) {
  if (std::string text = machine.doubles(); !text.empty()) return "two live instances: " + text;
  for (const auto& [guid, sandbox] : machine.sandboxes())
    if (sandbox.stop_asked && !sandbox.exit && router.sends_to(guid.str()))
      return fmt::format("instance {} was told to stop and still gets requests", brief(guid));
  return {};
}

namespace {

class Judge {
 public:
  explicit Judge(const Judged& judged) : j_(judged) {}

  std::string verdict() {
    std::string text = lost_write(j_.reader, j_.expected);
    if (text.empty()) text = leftovers();
    for (const auto& app : j_.reader.all(Query<model::App>()))
      if (text.empty()) text = of_app(app);
    if (text.empty()) text = of_router();
    return text;
  }

 private:
  std::string leftovers() {
    for (const auto& job : j_.reader.all(Query<model::Job>()))
      if (job.state != model::JobState::complete)
        return fmt::format("job {} is {}", brief(job.guid), model::to_text(job.state));
    for (const auto& build : j_.reader.all(Query<model::Build>()))
      if (build.state == model::BuildState::staging || build.step != model::BuildStep::done)
        return fmt::format("build {} is {}, {}", brief(build.guid), model::to_text(build.state),
                           model::to_text(build.step));
    for (const auto& d : j_.reader.all(Query<Deployment>()))
      if (d.state == DeploymentState::active)
        return fmt::format("deployment {} is still ACTIVE", brief(d.guid));
    if (j_.machine.anything_on_its_way()) return "a request is still on its way";
    for (const auto& [guid, sandbox] : j_.machine.sandboxes()) {
      if (sandbox.build) return fmt::format("the sandbox of build {} is left", brief(guid));
      if (!j_.reader.find(guid)) return fmt::format("sandbox {} has no row", brief(guid));
    }
    for (const auto& [guid, app] : j_.expected)
      if (app.delete_asked && j_.logs.token(guid.str()) != telemetry::LogToken{})
        return fmt::format("the log of the deleted app {} is left", brief(guid));
    return {};
  }

  std::string of_app(const model::App& app) {
    rows_ = j_.reader.all(Query<Instance>().where(&Instance::app, app.guid));
    if (app.state == AppState::stopped || app.current_deployment.empty())
      return rows_.empty() ? "" : fmt::format("app {} has instances", brief(app.guid));
    const auto current = j_.reader.get(app.current_deployment);
    for (const Instance& row : rows_)
      if (row.deployment != current.guid)
        return fmt::format("instance {} is of an old deployment", brief(row.guid));
    if (std::string text = of_choice(app, current); !text.empty()) return text;
    if (!steady(current)) return {};
    for (const auto& process :
         j_.reader.all(Query<model::Process>().where(&model::Process::app, app.guid)))
      if (std::string text = of_process(process); !text.empty()) return text;
    return {};
  }

  Behaviour behaviour(const Deployment& d) {
    return j_.machine.behaviour(j_.reader.get(d.droplet).image);
  }
  // Its instances, once they run, run on.
  bool steady(const Deployment& d) {
    return behaviour(d) == Behaviour::healthy || behaviour(d) == Behaviour::slow_start;
  }

  // The newest deployment serves, or it failed or was cancelled and the one before serves.
  std::string of_choice(const model::App& app, const Deployment& current) {
    const auto newest =
        j_.reader.first(Query<Deployment>()
                            .where(&Deployment::app, app.guid)
                            .order_by(&Deployment::created_at, store::Order::descending));
    if (newest->guid == current.guid) return {};
    if (newest->reason != DeploymentReason::failed && newest->reason != DeploymentReason::canceled)
      return fmt::format("deployment {} is {}, but {} serves", brief(newest->guid),
                         model::to_text(newest->reason), brief(current.guid));
    if (newest->reason == DeploymentReason::failed && steady(*newest) &&
        newest->created_at > j_.faults_ended)
      return fmt::format("deployment {} failed though its app is well", brief(newest->guid));
    return {};
  }

  std::string of_process(const model::Process& process) {
    int well = 0, all = 0;
    for (const Instance& row : rows_) {
      if (row.process != process.guid) continue;
      ++all;
      const auto sandbox = j_.machine.sandboxes().find(row.guid);
      if (row.state == InstanceState::running && row.routable && row.index < process.instances &&
          sandbox != j_.machine.sandboxes().end() && !sandbox->second.exit)
        ++well;
    }
    if (well == process.instances && all == well) return {};
    return fmt::format("{} of app {} has {} instances, {} of them well; {} are wanted",
                       process.type, brief(process.app), all, well, process.instances);
  }

  std::string of_router() {
    std::set<std::string> wanted, found;
    std::set<AppGuid> unsteady;
    for (const Instance& row : j_.reader.all(Query<Instance>())) {
      const auto process = j_.reader.get(row.process);
      if (!steady(j_.reader.get(row.deployment))) unsteady.insert(row.app);
      if (row.routable && process.type == "web") wanted.insert(row.guid.str());
    }
    for (const auto& entry : j_.router.table())
      for (const auto& upstream : entry.upstreams) found.insert(upstream.id);
    if (wanted != found && unsteady.empty())
      return fmt::format("the router sends to {} instances; {} are wanted", found.size(),
                         wanted.size());
    return {};
  }

  const Judged& j_;
  std::vector<Instance> rows_;
};

}  // namespace

std::string unsettled(const Judged& judged) { return Judge(judged).verdict(); }

}  // namespace nuri::sim
