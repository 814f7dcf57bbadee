#include "api/cf/owned.h"

namespace nuri::api {

using store::Query;

OwnerFilter owner_filter(const http::Request& request) {
  return {guid_filter<AppGuid>(request, "app_guids"),
          guid_filter<SpaceGuid>(request, "space_guids"),
          guid_filter<OrgGuid>(request, "organization_guids")};
}

OwnerFilter owned_by(const AppGuid& app) { return {{{app}}, {}, {}}; }

std::optional<std::vector<SpaceGuid>> listed_spaces(store::Reader& reader, const model::User& user,
                                                    const OwnerFilter& asked) {
  auto spaces = both(visible_spaces(reader, user), asked.spaces);
  if (!asked.orgs) return spaces;
  std::vector<SpaceGuid> in_orgs;
  for (const auto& space : reader.all(Query<model::Space>().any(&model::Space::org, *asked.orgs)))
    in_orgs.push_back(space.guid);
  return both(std::move(spaces), {std::move(in_orgs)});
}

std::optional<std::vector<AppGuid>> listed_apps(store::Reader& reader, const model::User& user,
                                                const OwnerFilter& asked) {
  const auto spaces = listed_spaces(reader, user, asked);
  if (!spaces) return asked.apps;
  std::vector<AppGuid> apps;
  for (const auto& app : reader.all(Query<model::App>().any(&model::App::space, *spaces)))
    apps.push_back(app.guid);
  return both(asked.apps, {std::move(apps)});
}

}  // namespace nuri::api
