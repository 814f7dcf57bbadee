#pragma once

// The audit trail: each request that changes something writes one event, in the transaction of the
// change (CAPI v3, Audit Events).

#include <string>
#include <string_view>

#include "api/cf/call.h"
#include "model/app.h"
#include "model/job.h"
#include "store/store.h"

namespace nuri::api {

// Who changes something, and when: what the body of a transaction captures of its call.
struct Act {
  model::User user;
  WallTime now;
  Random* random;  // Parts::random
};
Act act_of(const Call& call);

// What the event is about. Without an org it is that of the space.
struct Target {
  std::string guid;
  std::string type;  // "app", "route", "space"
  std::string name;
  SpaceGuid space;
  OrgGuid org;
};

// `type`: "audit.app.create". `data`: what was asked for, without secrets.
void audit(store::Writer& tx, const Act& act, std::string_view type, const Target& target,
           json::object data = {});
void audit(store::Writer& tx, const Act& act, std::string_view type, const model::App& app,
           json::object data = {});

// A new row's guid and times.
template <class T>
T made(const Act& act) {
  T value;
  value.guid = decltype(value.guid)::make(*act.random);
  value.created_at = value.updated_at = act.now;
  return value;
}

// Inserts a job that control/ carries out.
model::Job insert_job(store::Writer& tx, const Act& act, std::string_view operation,
                      std::string_view resource_type, const std::string& resource_guid);

}  // namespace nuri::api
