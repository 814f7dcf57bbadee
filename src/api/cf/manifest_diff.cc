#include <fmt/format.h>

#include <algorithm>

#include "api/cf/apps.h"
#include "api/cf/manifest_routes.h"
#include "api/cf/manifest_text.h"
#include "api/cf/processes.h"
#include "api/cf/route_rows.h"
#include "model/manifest.h"

namespace nuri::api {
namespace {

using model::App;
using model::ManifestApp;
using model::ManifestProcess;
using store::Query;

// As a step of a JSON pointer (RFC 6901 section 3).
std::string step(std::string_view name) {
  std::string out;
  for (const char c : name) out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return out;
}

class Diff {
 public:
  // Null in `was`: it is not there yet.
  void compare(const std::string& path, const json::value& was, const json::value& wanted) {
    if (was == wanted) return;
    if (was.is_null())
      out_.push_back(json::object{{"op", "add"}, {"path", path}, {"value", wanted}});
    else
      out_.push_back(
          json::object{{"op", "replace"}, {"path", path}, {"was", was}, {"value", wanted}});
  }
  void remove(const std::string& path, const json::value& was) {
    out_.push_back(json::object{{"op", "remove"}, {"path", path}, {"was", was}});
  }
  json::array take() { return std::move(out_); }

 private:
  json::array out_;
};

json::value text_or_null(const std::map<std::string, std::string>& all, const std::string& name) {
  const auto found = all.find(name);
  if (found == all.end()) return nullptr;
  return json::value(found->second);
}

template <class T>
json::value value_or_null(const std::optional<T>& value) {
  if (!value) return nullptr;
  return json::value(*value);
}

void compare_process(Diff& diff, const std::string& at, const model::Process* is,
                     const ManifestProcess& wanted) {
  const auto megabytes = [&](std::string_view key, int model::ProcessSettings::* member,
                             const std::optional<int>& value) {
    if (!value) return;
    json::value was;
    if (is) was = model::format_megabytes(is->*member);
    diff.compare(fmt::format("{}/{}", at, key), was, json::value(model::format_megabytes(*value)));
  };
  const auto other = [&](std::string_view key, json::value was, json::value value) {
    if (!value.is_null()) diff.compare(fmt::format("{}/{}", at, key), was, value);
  };
  const model::HealthCheck none;
  const model::HealthCheck& check = is ? is->health_check : none;
  megabytes("memory", &model::ProcessSettings::memory_mb, wanted.memory_mb);
  megabytes("disk_quota", &model::ProcessSettings::disk_mb, wanted.disk_mb);
  other("instances", is ? json::value(is->instances) : json::value(),
        value_or_null(wanted.instances));
  if (wanted.command && !wanted.command->empty())
    other("command", is ? value_or_null(is->command) : json::value(), json::value(*wanted.command));
  else if (wanted.command && is && is->command)
    diff.remove(at + "/command", json::value(*is->command));
  if (wanted.health_check_type)
    other("health-check-type", is ? json::value(model::to_text(check.type)) : json::value(),
          json::value(model::to_text(*wanted.health_check_type)));
  other("health-check-http-endpoint",
        check.endpoint.empty() ? json::value() : json::value(check.endpoint),
        value_or_null(wanted.health_check_endpoint));
  other("health-check-interval", value_or_null(check.interval_s),
        value_or_null(wanted.health_check_interval_s));
  other("health-check-invocation-timeout", value_or_null(check.invocation_timeout_s),
        value_or_null(wanted.health_check_invocation_timeout_s));
  other("timeout", value_or_null(check.timeout_s), value_or_null(wanted.timeout_s));
}

void compare_routes(Diff& diff, const std::string& at, store::Reader& reader, const OrgGuid& org,
                    const std::optional<App>& app, const ManifestApp& wanted, int apps_port) {
  std::vector<std::string> mapped;
  if (app)
    for (const auto& one :
         reader.all(Query<model::Destination>().where(&model::Destination::app, app->guid))) {
      const auto route = reader.get(one.route);
      mapped.push_back(model::url(route, reader.get(route.domain)));
    }
  if (wanted.route_wish == model::RouteWish::no_route) {
    for (std::size_t i = 0; i < mapped.size(); ++i)
      diff.remove(fmt::format("{}/routes/{}", at, i), json::object{{"route", mapped[i]}});
    return;
  }
  for (std::size_t i = 0; i < wanted.routes.size(); ++i) {
    const RoutePlace place = place_route(reader, org, wanted.routes[i].route, apps_port);
    const std::string address =
        (place.host.empty() ? place.domain.name : place.host + "." + place.domain.name) +
        place.path;
    if (std::ranges::find(mapped, address) == mapped.end())
      diff.compare(fmt::format("{}/routes/{}", at, i), nullptr, json::object{{"route", address}});
  }
}

void compare_app(Diff& diff, const std::string& at, const std::optional<App>& app,
                 const ManifestApp& wanted) {
  const App none;
  const App& is = app ? *app : none;
  diff.compare(at + "/name", app ? json::value(app->name) : json::value(),
               json::value(wanted.name));
  if (wanted.buildpacks && *wanted.buildpacks != is.lifecycle.buildpacks) {
    const auto list = [](const std::vector<std::string>& all) {
      json::array out;
      for (const auto& one : all) out.emplace_back(one);
      return out;
    };
    diff.compare(at + "/buildpacks",
                 is.lifecycle.buildpacks.empty() ? json::value()
                                                 : json::value(list(is.lifecycle.buildpacks)),
                 list(*wanted.buildpacks));
  }
  for (const auto& [name, value] : wanted.env)
    diff.compare(fmt::format("{}/env/{}", at, step(name)), text_or_null(is.env, name),
                 json::value(value));
  for (const auto& [name, value] : wanted.metadata.labels)
    diff.compare(fmt::format("{}/metadata/labels/{}", at, step(name)),
                 text_or_null(is.metadata.labels, name), json::value(value));
  for (const auto& [name, value] : wanted.metadata.annotations)
    diff.compare(fmt::format("{}/metadata/annotations/{}", at, step(name)),
                 text_or_null(is.metadata.annotations, name), json::value(value));
}

}  // namespace

json::array manifest_diff(store::Reader& reader, const model::Space& space,
                          const model::Manifest& manifest, int apps_port) {
  Diff diff;
  for (std::size_t i = 0; i < manifest.apps.size(); ++i) {
    const ManifestApp& wanted = manifest.apps[i];
    const std::string at = fmt::format("/applications/{}", i);
    const auto app =
        reader.first(Query<App>().where(&App::space, space.guid).where(&App::name, wanted.name));
    const auto processes = app ? processes_of(reader, app->guid) : std::vector<model::Process>();
    const auto find = [&](const std::string& type) -> const model::Process* {
      const auto found = std::ranges::find(processes, type, &model::Process::type);
      return found == processes.end() ? nullptr : &*found;
    };
    compare_app(diff, at, app, wanted);
    compare_process(diff, at, find("web"), wanted.web);
    for (std::size_t n = 0; n < wanted.processes.size(); ++n)
      compare_process(diff, fmt::format("{}/processes/{}", at, n), find(wanted.processes[n].type),
                      wanted.processes[n]);
    compare_routes(diff, at, reader, space.org, app, wanted, apps_port);
  }
  return diff.take();
}

}  // namespace nuri::api
