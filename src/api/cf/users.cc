#include <algorithm>

#include "api/cf/access.h"
#include "api/cf/apps.h"
#include "api/cf/listing.h"
#include "api/cf/owned.h"
#include "api/cf/resources.h"
#include "api/cf/tenancy.h"

namespace nuri::api {
namespace {

using model::Role;
using model::User;
using store::Query;

// In the orgs and spaces that the user sees.
bool sees(const User& user, const std::optional<std::vector<OrgGuid>>& orgs,
          const std::optional<std::vector<SpaceGuid>>& spaces, const Role& role) {
  if (!orgs || !spaces || role.user == user.guid) return true;
  return role.org ? std::ranges::find(*orgs, role.org) != orgs->end()
                  : std::ranges::find(*spaces, role.space) != spaces->end();
}

std::vector<Role> visible_roles(store::Reader& reader, const User& user, Query<Role> query) {
  const auto orgs = visible_orgs(reader, user);
  const auto spaces = visible_spaces(reader, user);
  std::vector<Role> out;
  for (Role& role : reader.all(query))
    if (sees(user, orgs, spaces, role)) out.push_back(std::move(role));
  return out;
}

// Oneself, and those who have a role where one has; an admin sees all.
std::optional<std::vector<UserGuid>> visible_users(store::Reader& reader, const User& user) {
  if (user.admin) return std::nullopt;
  std::vector<UserGuid> out{user.guid};
  for (const Role& role : visible_roles(reader, user, {})) out.push_back(role.user);
  return out;
}

Task<void> list_users(Call call) {
  const PageRequest wanted = page_request(call.request);
  const auto page = co_await call.parts.store.read(
      [user = call.user, wanted, guids = guid_filter<UserGuid>(call.request, "guids"),
       names = filter(call.request, "usernames"),
       origins = filter(call.request, "origins")](store::Reader& reader) {
        Query<User> query;
        if (const auto seen = both(visible_users(reader, user), guids))
          query.any(&User::guid, *seen);
        if (names) query.any(&User::username, *names);
        if (origins) query.any(&User::origin, *origins);
        apply(query, wanted);
        return reader.list(query);
      });
  json::array resources;
  for (const User& user : page.items) resources.push_back(user_json(call, user));
  co_await call.answer(200, list_json(call, wanted, page.total, std::move(resources)));
}

Task<void> get_user(Call call) {
  const User found = co_await call.parts.store.read(
      [user = call.user, guid = call.guid<UserGuid>()](store::Reader& reader) {
        const auto seen = visible_users(reader, user);
        if (seen && std::ranges::find(*seen, guid) == seen->end()) return reader.get(UserGuid());
        return reader.get(guid);
      });
  co_await call.answer(200, user_json(call, found));
}

json::object role_json(const Call& call, const Role& role) {
  return {{"guid", role.guid.str()},
          {"created_at", rfc3339(role.created_at)},
          {"updated_at", rfc3339(role.updated_at)},
          {"type", model::to_text(role.type)},
          {"relationships", json::object{{"user", relation_json(role.user.str())},
                                         {"organization", relation_json(role.org.str())},
                                         {"space", relation_json(role.space.str())}}},
          {"links", json::object{{"self", call.href("/v3/roles/" + role.guid.str())},
                                 {"user", call.href("/v3/users/" + role.user.str())}}}};
}

struct RoleFilter {
  std::optional<std::vector<RoleGuid>> guids;
  std::optional<std::vector<std::string>> types;
  std::optional<std::vector<UserGuid>> users;
  std::optional<std::vector<OrgGuid>> orgs;
  std::optional<std::vector<SpaceGuid>> spaces;
};

struct RolePage {
  store::Page<Role> page;
  std::vector<User> users;
  std::vector<model::Org> orgs;
  std::vector<model::Space> spaces;
};

RolePage page_of(store::Reader& reader, const User& user, const RoleFilter& asked,
                 const PageRequest& wanted) {
  Query<Role> query;
  if (asked.guids) query.any(&Role::guid, *asked.guids);
  if (asked.users) query.any(&Role::user, *asked.users);
  if (asked.orgs) query.any(&Role::org, *asked.orgs);
  if (asked.spaces) query.any(&Role::space, *asked.spaces);
  keep(query, &Role::type, asked.types);
  std::vector<RoleGuid> guids;
  for (const Role& role : visible_roles(reader, user, query)) guids.push_back(role.guid);
  Query<Role> shown;
  shown.any(&Role::guid, guids);
  apply(shown, wanted);
  RolePage out{reader.list(shown), {}, {}, {}};
  std::vector<UserGuid> users;
  std::vector<OrgGuid> orgs;
  std::vector<SpaceGuid> spaces;
  for (const Role& role : out.page.items) {
    users.push_back(role.user);
    if (role.org) orgs.push_back(role.org);
    if (role.space) spaces.push_back(role.space);
  }
  out.users = reader.all(Query<User>().any(&User::guid, users));
  out.orgs = reader.all(Query<model::Org>().any(&model::Org::guid, orgs));
  out.spaces = reader.all(Query<model::Space>().any(&model::Space::guid, spaces));
  return out;
}

json::object included_json(const Call& call, const RolePage& found,
                           const std::vector<std::string>& include) {
  json::object out;
  for (const std::string& what : include) {
    json::array all;
    if (what == "user") {
      for (const User& user : found.users) all.push_back(user_json(call, user));
      out["users"] = std::move(all);
    } else if (what == "organization") {
      for (const auto& org : found.orgs) all.push_back(org_json(call, org));
      out["organizations"] = std::move(all);
    } else if (what == "space") {
      for (const auto& space : found.spaces) all.push_back(space_json(call, space));
      out["spaces"] = std::move(all);
    }
  }
  return out;
}

Task<void> list_roles(Call call) {
  const PageRequest wanted = page_request(call.request);
  const RolePage found = co_await call.parts.store.read(
      [user = call.user, wanted,
       asked =
           RoleFilter{guid_filter<RoleGuid>(call.request, "guids"), filter(call.request, "types"),
                      guid_filter<UserGuid>(call.request, "user_guids"),
                      guid_filter<OrgGuid>(call.request, "organization_guids"),
                      guid_filter<SpaceGuid>(call.request, "space_guids")}](store::Reader& reader) {
        return page_of(reader, user, asked, wanted);
      });
  json::array resources;
  for (const Role& role : found.page.items) resources.push_back(role_json(call, role));
  json::object answer = list_json(call, wanted, found.page.total, std::move(resources));
  if (const auto include = filter(call.request, "include"))
    answer["included"] = included_json(call, found, *include);
  co_await call.answer(200, std::move(answer));
}

Task<void> get_role(Call call) {
  const Role role = co_await call.parts.store.read(
      [user = call.user, guid = call.guid<RoleGuid>()](store::Reader& reader) {
        const auto seen = visible_roles(reader, user, Query<Role>().where(&Role::guid, guid));
        return seen.empty() ? reader.get(RoleGuid()) : seen.front();
      });
  co_await call.answer(200, role_json(call, role));
}

}  // namespace

json::object user_json(const Call& call, const User& user) {
  return {{"guid", user.guid.str()},
          {"created_at", rfc3339(user.created_at)},
          {"updated_at", rfc3339(user.updated_at)},
          {"username", user.username},
          {"presentation_name", user.username},
          {"origin", user.origin},
          {"metadata", json::object{{"labels", json::object()}, {"annotations", json::object()}}},
          {"links", json::object{{"self", call.href("/v3/users/" + user.guid.str())}}}};
}

void add_users(Routes& routes) {
  routes.add("GET /v3/users", list_users);
  routes.add("GET /v3/users/:guid", get_user);
  routes.add("GET /v3/roles", list_roles);
  routes.add("GET /v3/roles/:guid", get_role);
}

}  // namespace nuri::api
