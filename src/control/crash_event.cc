#include "control/crash_event.h"

#include "base/json.h"
#include "control/rows.h"

namespace nuri::control {
namespace {

bool was_alive(const plan::AppView& view, const model::Instance& now) {
  for (const auto& before : view.instances)
    if (before.guid == now.guid) return before.state != model::InstanceState::crashed;
  return false;
}

std::string data_of(const model::Instance& instance) {
  return json::serialize(json::object{{"instance", instance.guid.str()},
                                      {"index", instance.index},
                                      {"exit_description", model::describe(instance.exit)},
                                      {"exit_status", instance.exit.code},
                                      {"signal", instance.exit.signal},
                                      {"reason", "CRASHED"}});
}

}  // namespace

std::vector<const model::Instance*> newly_crashed(const plan::AppPlan& plan,
                                                  const plan::AppView& view) {
  std::vector<const model::Instance*> out;
  for (const auto& row : plan.update)
    if (row.state == model::InstanceState::crashed && was_alive(view, row)) out.push_back(&row);
  return out;
}

std::vector<model::Event> crash_events(const plan::AppPlan& plan, const plan::AppView& view,
                                       WallTime now, Random& random) {
  std::vector<model::Event> out;
  for (const model::Instance* crashed : newly_crashed(plan, view)) {
    const model::Instance& row = *crashed;
    if (row.exit.reason == model::ExitReason::vanished) continue;  // no doing of the app's
    const model::Process* process = process_of(view, row);
    model::Event event;
    event.guid = EventGuid::make(random);
    event.type = "audit.app.process.crash";
    event.actor_guid = row.process.str();
    event.actor_type = "process";
    event.actor_name = process ? process->type : "";
    event.target_guid = view.app.guid.str();
    event.target_type = "app";
    event.target_name = view.app.name;
    event.space_guid = view.app.space.str();
    event.data = data_of(row);
    event.created_at = event.updated_at = now;
    out.push_back(std::move(event));
  }
  return out;
}

}  // namespace nuri::control
