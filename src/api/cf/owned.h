#pragma once

// Lists of what belongs to apps: packages, builds, droplets.

#include <optional>
#include <vector>

#include "api/cf/access.h"
#include "api/cf/listing.h"
#include "model/app.h"
#include "store/store.h"

namespace nuri::api {

// Of which apps: `app_guids`, `space_guids` and `organization_guids` of a query string.
struct OwnerFilter {
  std::optional<std::vector<AppGuid>> apps;
  std::optional<std::vector<SpaceGuid>> spaces;
  std::optional<std::vector<OrgGuid>> orgs;
};
OwnerFilter owner_filter(const http::Request& request);
// The one app in a path.
OwnerFilter owned_by(const AppGuid& app);

// The spaces of the filter that the user may see; nullopt: all.
std::optional<std::vector<SpaceGuid>> listed_spaces(store::Reader& reader, const model::User& user,
                                                    const OwnerFilter& asked);
// The apps of the filter that the user may see; nullopt: all.
std::optional<std::vector<AppGuid>> listed_apps(store::Reader& reader, const model::User& user,
                                                const OwnerFilter& asked);

// Keeps `query` to states (types, …) named by their texts; a text that names none matches nothing.
template <class T, class E>
void keep(store::Query<T>& query, E T::* member,
          const std::optional<std::vector<std::string>>& texts) {
  if (!texts) return;
  std::vector<E> values;
  for (const std::string& text : *texts)
    if (const auto value = model::from_text<E>(text)) values.push_back(*value);
  query.any(member, values);
}

// The page of `query` that is owned by the filter's apps.
template <class T>
store::Page<T> owned_page(store::Reader& reader, const model::User& user, store::Query<T> query,
                          const OwnerFilter& asked, const PageRequest& wanted) {
  if (const auto apps = listed_apps(reader, user, asked)) query.any(&T::app, *apps);
  apply(query, wanted);
  return reader.list(query);
}

}  // namespace nuri::api
