#include "api/cf/audit.h"

namespace nuri::api {

Act act_of(const Call& call) { return {call.user, call.parts.loop.wall(), &call.parts.random}; }

void audit(store::Writer& tx, const Act& act, std::string_view type, const Target& target,
           json::object data) {
  auto event = made<model::Event>(act);
  event.type = std::string(type);
  event.actor_guid = act.user.guid.str();
  event.actor_type = "user";
  event.actor_name = act.user.username;
  event.target_guid = target.guid;
  event.target_type = target.type;
  event.target_name = target.name;
  event.space_guid = target.space.str();
  event.org_guid = target.org.str();
  if (target.org.empty() && target.space)
    if (const auto space = tx.find(target.space)) event.org_guid = space->org.str();
  event.data = json::serialize(data);
  tx.insert(event);
}

void audit(store::Writer& tx, const Act& act, std::string_view type, const model::App& app,
           json::object data) {
  audit(tx, act, type, Target{app.guid.str(), "app", app.name, app.space, {}}, std::move(data));
}

model::Job insert_job(store::Writer& tx, const Act& act, std::string_view operation,
                      std::string_view resource_type, const std::string& resource_guid) {
  auto job = made<model::Job>(act);
  job.operation = std::string(operation);
  job.resource_type = std::string(resource_type);
  job.resource_guid = resource_guid;
  job.user = act.user.guid;
  tx.insert(job);
  return job;
}

}  // namespace nuri::api
