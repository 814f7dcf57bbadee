#pragma once

// `options` of routes (CAPI v3, The route options object): Cloud Foundry's loadbalancing,
// hash_header and hash_balance, and Nuri's own beside them (docs/formats/route_table.md, Settings).
// Passwords come as they are, are kept hashed, and are never shown.

#include "api/cf/api.h"
#include "base/json.h"
#include "model/routing.h"

namespace nuri::api {

// `body` with the passwords in options.basic_auth.users hashed, on the pool.
Task<json::object> with_hashed_passwords(Parts& parts, json::object body);
// The object in a body; empty if there is none. Throws Error{unprocessable}.
json::object options_of(const json::object& body);

// Merges `changes`, whose passwords are hashed (RFC 7396: null removes), and validates what comes
// out. Throws Error{unprocessable} naming the option.
void patch_options(model::Route& route, const json::object& changes);

// As clients are shown them: of users only the names.
json::object options_json(const model::Route& route);
// A request's body for the audit trail.
json::object without_hashes(json::object body);

}  // namespace nuri::api
