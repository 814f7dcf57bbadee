#include "expected.h"

#include <fmt/format.h>

#include "model/instance.h"
#include "model/release.h"
#include "model/routing.h"
#include "model/source.h"
#include "trace.h"

namespace nuri::sim {
namespace {

using store::Query;

template <class T>
std::string missing(store::Reader& reader, std::string_view what,
                    const std::set<std::string>& guids) {
  for (const std::string& guid : guids)
    if (!reader.find(Guid<T>(guid))) return fmt::format("{} {} is lost", what, guid);
  return {};
}

// Deletions are accepted first and carried out later.
enum class Deletions { under_way, over };

std::string lost_route(store::Reader& reader, const AppGuid& app, const RouteGuid& guid,
                       const ExpectedRoute& expected, Deletions deletions) {
  const bool there = reader.find(guid).has_value();
  const bool late = there && expected.there.is(false) && deletions == Deletions::under_way;
  if (!expected.there.admits(there) && !late)
    return fmt::format("route {} is {}", brief(guid), there ? "not deleted" : "lost");
  if (!there) return {};
  const bool mapped = reader.count(Query<model::Destination>()
                                       .where(&model::Destination::route, guid)
                                       .where(&model::Destination::app, app)) > 0;
  if (!expected.mapped.admits(mapped))
    return fmt::format("route {} is {}", brief(guid), mapped ? "still mapped" : "not mapped");
  return {};
}

std::string lost_settings(store::Reader& reader, const model::App& app,
                          const ExpectedApp& expected) {
  if (!expected.state.admits(app.state))
    return fmt::format("app {} is {}", brief(app.guid), model::to_text(app.state));
  const auto value = app.env.find("V");
  if (!expected.value.admits(value == app.env.end() ? "" : value->second))
    return fmt::format("app {} has another environment", brief(app.guid));
  for (const auto& process :
       reader.all(Query<model::Process>().where(&model::Process::app, app.guid))) {
    const auto instances = expected.instances.find(process.type);
    if (instances != expected.instances.end() && !instances->second.admits(process.instances))
      return fmt::format("process {} of app {} is scaled to {}", process.type, brief(app.guid),
                         process.instances);
  }
  return {};
}

std::string lost_rows(store::Reader& reader, const AppGuid& guid, const ExpectedApp& expected,
                      Deletions deletions) {
  const auto app = reader.find(guid);
  if (!app) return expected.deleted.admits(true) ? "" : fmt::format("app {} is lost", brief(guid));
  std::string text = lost_settings(reader, *app, expected);
  if (text.empty()) text = missing<model::Build>(reader, "build", expected.builds);
  if (text.empty()) text = missing<model::Deployment>(reader, "deployment", expected.deployments);
  for (const std::string& deployment : expected.cancelled)
    if (const auto row = reader.find(DeploymentGuid(deployment));
        row && row->reason == model::DeploymentReason::deployed && text.empty())
      text = fmt::format("deployment {} was cancelled and is deployed", deployment);
  for (const auto& [route, wanted] : expected.routes)
    if (text.empty()) text = lost_route(reader, guid, route, wanted, deletions);
  return text;
}

}  // namespace

std::string lost_write(store::Reader& reader, const AppGuid& guid, const ExpectedApp& expected) {
  return expected.deleted.admits(true) ? ""
                                       : lost_rows(reader, guid, expected, Deletions::under_way);
}

std::string lost_writes(store::Reader& reader, const Expected& expected) {
  for (const auto& [guid, app] : expected) {
    if (app.deleted.is(true) && reader.find(guid))
      return fmt::format("app {} is not deleted", brief(guid));
    if (std::string text = lost_rows(reader, guid, app, Deletions::over); !text.empty())
      return text;
  }
  return {};
}

std::string left_of_app(store::Reader& reader, const AppGuid& guid) {
  if (reader.find(guid)) return fmt::format("the deleted app {} is there", brief(guid));
  if (reader.count(Query<model::Instance>().where(&model::Instance::app, guid)) > 0)
    return fmt::format("the deleted app {} has instances", brief(guid));
  return {};
}

}  // namespace nuri::sim
