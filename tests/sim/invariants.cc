#include "invariants.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/instance.h"
#include "model/release.h"
#include "model/source.h"
#include "trace.h"

namespace nuri::sim {

using model::AppState;
using model::Deployment;
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

namespace {

using Sandbox = engine::FakeMachine::Sandbox;

std::string check_build(store::Reader& reader, const InstanceGuid& guid) {
  const auto build = reader.find(BuildGuid(guid.str()));
  if (!build) return fmt::format("the sandbox of build {} has no row", brief(guid));
  if (build->step != model::BuildStep::running)
    return fmt::format("build {} has a sandbox and is {}", brief(guid),
                       model::to_text(build->step));
  return {};
}

std::string check_row(store::Reader& reader, const InstanceGuid& guid, const Sandbox& sandbox) {
  const auto row = reader.find(guid);
  if (!row) return fmt::format("instance {} runs without a row", brief(guid));
  if (row->deployment != sandbox.spec.deployment || row->index != sandbox.spec.index)
    return fmt::format("instance {} runs in another place than its row says", brief(guid));
  return {};
}

// "Stop all, then start."
std::string check_recreated(store::Reader& reader, const engine::FakeMachine& machine,
                            const InstanceGuid& guid, const Sandbox& sandbox) {
  const auto deployment = reader.find(sandbox.spec.deployment);
  if (!deployment || deployment->strategy != model::Strategy::recreate) return {};
  for (const auto& [other_guid, other] : machine.sandboxes()) {
    if (other.exit || other.build || other.spec.app != sandbox.spec.app) continue;
    const auto before = reader.find(other.spec.deployment);
    if (before && before->created_at < deployment->created_at)
      return fmt::format("instance {} was started while {} of an older version was alive",
                         brief(guid), brief(other_guid));
  }
  return {};
}

}  // namespace

std::string machine_rules(store::Reader& reader, const engine::FakeMachine& machine,
                          const FakeRouter& router) {
  if (std::string text = machine.doubles(); !text.empty()) return "two live instances: " + text;
  for (const auto& [guid, sandbox] : machine.sandboxes()) {
    if (sandbox.exit) continue;
    if (sandbox.stop_asked && router.sends_to(guid.str()))
      return fmt::format("instance {} was told to stop and still gets requests", brief(guid));
    std::string text = sandbox.build ? check_build(reader, guid) : check_row(reader, guid, sandbox);
    if (text.empty() && !sandbox.build) text = check_recreated(reader, machine, guid, sandbox);
    if (!text.empty()) return text;
  }
  return {};
}

}  // namespace nuri::sim
