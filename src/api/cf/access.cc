#include "api/cf/access.h"

#include <algorithm>

namespace nuri::api {
namespace {

using model::Role;
using model::RoleType;
using store::Query;

std::vector<Role> roles_of(store::Reader& reader, const model::User& user) {
  return reader.all(Query<Role>().where(&Role::user, user.guid));
}

bool allows(const Role& role, const model::Space& space, Access access) {
  if (role.org)
    return role.org == space.org && role.type == RoleType::organization_manager &&
           access == Access::read;
  if (role.space != space.guid) return false;
  return access == Access::read || role.type == RoleType::space_developer;
}

template <class G>
void add_once(std::vector<G>& all, const G& one) {
  if (one && std::ranges::find(all, one) == all.end()) all.push_back(one);
}

// `value`, which is in `space`; a value that may not be seen is not found, in its noun's words.
template <class T>
T check(store::Reader& reader, const model::User& user, T value, const model::Space& space,
        Access access) {
  if (!may(reader, user, space, Access::read)) return reader.get(Guid<T>());
  if (!may(reader, user, space, access)) forbid();
  return value;
}

}  // namespace

void forbid() {
  throw Error(Code::forbidden, "You are not authorized to perform the requested action");
}

void require_admin(const model::User& user) {
  if (!user.admin) forbid();
}

bool may(store::Reader& reader, const model::User& user, const model::Space& space, Access access) {
  if (user.admin) return true;
  return std::ranges::any_of(roles_of(reader, user),
                             [&](const Role& role) { return allows(role, space, access); });
}

model::Space require_space(store::Reader& reader, const model::User& user, const SpaceGuid& guid,
                           Access access) {
  const auto space = reader.get(guid);
  return check(reader, user, space, space, access);
}

model::App require_app(store::Reader& reader, const model::User& user, const AppGuid& guid,
                       Access access) {
  const auto app = reader.get(guid);
  return check(reader, user, app, reader.get(app.space), access);
}

model::Route require_route(store::Reader& reader, const model::User& user, const RouteGuid& guid,
                           Access access) {
  const auto route = reader.get(guid);
  return check(reader, user, route, reader.get(route.space), access);
}

model::Org require_org(store::Reader& reader, const model::User& user, const OrgGuid& guid,
                       Access access) {
  const auto org = reader.get(guid);
  if (user.admin) return org;
  const auto visible = visible_orgs(reader, user);
  if (std::ranges::find(*visible, guid) == visible->end()) return reader.get(OrgGuid());
  const bool manages = std::ranges::any_of(roles_of(reader, user), [&](const Role& role) {
    return role.org == guid && role.type == RoleType::organization_manager;
  });
  if (access == Access::write && !manages) forbid();
  return org;
}

std::optional<std::vector<SpaceGuid>> visible_spaces(store::Reader& reader,
                                                     const model::User& user) {
  if (user.admin) return std::nullopt;
  std::vector<SpaceGuid> out;
  for (const Role& role : roles_of(reader, user)) {
    add_once(out, role.space);
    if (role.type != RoleType::organization_manager) continue;
    for (const auto& space : reader.all(Query<model::Space>().where(&model::Space::org, role.org)))
      add_once(out, space.guid);
  }
  return out;
}

std::optional<std::vector<OrgGuid>> visible_orgs(store::Reader& reader, const model::User& user) {
  if (user.admin) return std::nullopt;
  std::vector<OrgGuid> out;
  for (const Role& role : roles_of(reader, user)) {
    add_once(out, role.org);
    if (role.space) add_once(out, reader.get(role.space).org);
  }
  return out;
}

std::optional<std::vector<AppGuid>> visible_apps(store::Reader& reader, const model::User& user) {
  const auto spaces = visible_spaces(reader, user);
  if (!spaces) return std::nullopt;
  std::vector<AppGuid> out;
  for (const auto& app : reader.all(Query<model::App>().any(&model::App::space, *spaces)))
    out.push_back(app.guid);
  return out;
}

}  // namespace nuri::api
