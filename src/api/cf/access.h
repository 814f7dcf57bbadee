#pragma once

// Who may see and change what. An admin may do everything. Others need a role: any role in a space,
// or the management of its org, shows what is in it; changing it takes a space developer. What a
// user may not see does not exist for them (404); what they may see but not change is 403.

#include <algorithm>
#include <optional>
#include <vector>

#include "model/app.h"
#include "model/routing.h"
#include "model/tenancy.h"
#include "store/store.h"

namespace nuri::api {

enum class Access {
  read,
  write,  // also for reading what may hold secrets: an app's environment
};

// Throw Error: not_found "TITLE not found" of the noun asked for, or forbidden.
model::Space require_space(store::Reader& reader, const model::User& user, const SpaceGuid& space,
                           Access access);
model::App require_app(store::Reader& reader, const model::User& user, const AppGuid& app,
                       Access access);
model::Route require_route(store::Reader& reader, const model::User& user, const RouteGuid& route,
                           Access access);
// Of what belongs to an app by a member `app`: process, package, build, droplet, revision,
// deployment.
template <class T>
T require_of_app(store::Reader& reader, const model::User& user, const Guid<T>& guid,
                 Access access);
// An org shows itself to everyone with a role in it or in one of its spaces.
model::Org require_org(store::Reader& reader, const model::User& user, const OrgGuid& org,
                       Access access);

// For lists: what the user may see; nullopt for everything.
std::optional<std::vector<SpaceGuid>> visible_spaces(store::Reader& reader,
                                                     const model::User& user);
std::optional<std::vector<OrgGuid>> visible_orgs(store::Reader& reader, const model::User& user);
std::optional<std::vector<AppGuid>> visible_apps(store::Reader& reader, const model::User& user);

// What is allowed of what is asked for: their intersection, and where one is nullopt the other.
template <class G>
std::optional<std::vector<G>> both(std::optional<std::vector<G>> a,
                                   std::optional<std::vector<G>> b) {
  if (!a) return b;
  if (b) std::erase_if(*a, [&](const G& guid) { return std::ranges::find(*b, guid) == b->end(); });
  return a;
}

// May the user see (change) what is in the space?
bool may(store::Reader& reader, const model::User& user, const model::Space& space, Access access);
[[noreturn]] void forbid();
// For what is the platform's: throws Error{forbidden} unless the user is an admin.
void require_admin(const model::User& user);

template <class T>
T require_of_app(store::Reader& reader, const model::User& user, const Guid<T>& guid,
                 Access access) {
  const T value = reader.get(guid);
  if (user.admin) return value;
  const auto app = reader.get(value.app);
  const auto space = reader.get(app.space);
  // As if it were not there: in the words of its own noun.
  if (!may(reader, user, space, Access::read)) return reader.get(Guid<T>());
  if (!may(reader, user, space, access)) forbid();
  return value;
}

}  // namespace nuri::api
