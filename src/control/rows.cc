#include "control/rows.h"

namespace nuri::control {

using store::Query;

std::set<AppGuid> all_apps(store::Reader& reader) {
  std::set<AppGuid> out;
  for (const auto& app : reader.all(Query<model::App>())) out.insert(app.guid);
  // An instance whose app is gone has no row either: the store erases them together.
  return out;
}

std::set<AppGuid> apps_of(store::Reader& reader, const store::Changes& changes) {
  std::set<AppGuid> out;
  for (const auto& change : changes) {
    switch (change.noun) {
      case store::Noun::app:
        out.insert(AppGuid(change.guid));
        break;
      case store::Noun::process:
        if (const auto row = reader.find(ProcessGuid(change.guid))) out.insert(row->app);
        break;
      case store::Noun::deployment:
        if (const auto row = reader.find(DeploymentGuid(change.guid))) out.insert(row->app);
        break;
      case store::Noun::instance:
        if (const auto row = reader.find(InstanceGuid(change.guid))) out.insert(row->app);
        break;
      default:
        break;
    }
  }
  return out;
}

std::optional<plan::AppView> load_view(store::Reader& reader, const AppGuid& guid) {
  auto app = reader.find(guid);
  if (!app) return std::nullopt;
  plan::AppView view;
  view.app = std::move(*app);
  view.processes = reader.all(Query<model::Process>().where(&model::Process::app, guid));
  view.deployments =
      reader.all(Query<model::Deployment>()
                     .where(&model::Deployment::app, guid)
                     .where(&model::Deployment::state, model::DeploymentState::active));
  if (auto current = reader.find(view.app.current_deployment);
      current && current->state != model::DeploymentState::active)
    view.deployments.push_back(std::move(*current));
  view.instances = reader.all(Query<model::Instance>().where(&model::Instance::app, guid));
  return view;
}

std::vector<std::string> uris_of(store::Reader& reader, const AppGuid& app) {
  std::vector<std::string> out;
  for (const auto& destination :
       reader.all(Query<model::Destination>().where(&model::Destination::app, app))) {
    const auto route = reader.find(destination.route);
    const auto domain = route ? reader.find(route->domain) : std::nullopt;
    if (domain) out.push_back(model::url(*route, *domain));
  }
  return out;
}

std::optional<SpecRows> load_spec(store::Reader& reader, const InstanceGuid& guid) {
  const auto instance = reader.find(guid);
  if (!instance || instance->desired == model::InstanceDesire::stop) return std::nullopt;
  const auto app = reader.find(instance->app);
  const auto process = reader.find(instance->process);
  const auto deployment = reader.find(instance->deployment);
  if (!app || !process || !deployment) return std::nullopt;  // instances go before these
  const auto revision = reader.find(deployment->revision);
  const auto droplet = reader.find(deployment->droplet);
  const auto space = reader.find(app->space);
  const auto org = space ? reader.find(space->org) : std::nullopt;
  if (!revision || !droplet || !org)
    throw Error(Code::unprocessable,
                "the droplet or the revision that it runs is gone: push the app again");
  return SpecRows{*app,      *process, *revision, *droplet,
                  *instance, *space,   *org,      uris_of(reader, app->guid)};
}

bool write_plan(store::Writer& tx, const plan::AppPlan& plan, const plan::AppView& view) {
  if (load_view(tx, view.app.guid) != view) return false;
  for (const auto& guid : plan.erase) tx.erase(guid);
  for (const auto& row : plan.update) tx.update(row);
  for (const auto& row : plan.insert) tx.insert(row);
  for (const auto& row : plan.deployments) tx.update(row);
  if (plan.app) tx.update(*plan.app);
  return true;
}

const model::Process* process_of(const plan::AppView& view, const model::Instance& instance) {
  for (const auto& process : view.processes)
    if (process.guid == instance.process) return &process;
  return nullptr;
}

Duration grace_of(const plan::AppView& view, const InstanceGuid& guid) {
  for (const auto& row : view.instances)
    if (row.guid == guid)
      if (const auto* process = process_of(view, row))
        return std::chrono::seconds(process->stop_grace_s);
  return std::chrono::seconds(model::kDefaultStopGraceS);
}

}  // namespace nuri::control
