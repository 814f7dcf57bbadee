#pragma once

// What other resources need of orgs, spaces and users.

#include "api/cf/call.h"
#include "model/tenancy.h"

namespace nuri::api {

json::object org_json(const Call& call, const model::Org& org);
json::object space_json(const Call& call, const model::Space& space);
json::object user_json(const Call& call, const model::User& user);

// Where tenancy.cc adds the routes of its neighbours.
void add_users(Routes& routes);   // /v3/users, /v3/roles
void add_quotas(Routes& routes);  // /v3/organization_quotas, /v3/space_quotas

}  // namespace nuri::api
