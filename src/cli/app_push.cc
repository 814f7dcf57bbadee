#include "cli/app_push.h"

#include <fmt/format.h>

#include "async/deadline.h"
#include "cli/app_view.h"
#include "cli/rollout.h"

namespace nuri::cli {
namespace {

constexpr Duration kTakeBackDeadline = 20s;
constexpr Duration kBeginDeadline = 20s;

}  // namespace

AppPush::AppPush(Command& command, Steps& steps, AppPlan plan, std::string space_guid,
                 Options options)
    : command_(command),
      api_(command.api),
      steps_(steps),
      plan_(std::move(plan)),
      space_(std::move(space_guid)),
      options_(std::move(options)) {}

Task<json::object> AppPush::run() {
  std::optional<Error> failure;
  json::object document;
  try {
    document = co_await push();
  } catch (const Error& error) {
    failure = error;
  }
  if (!failure) co_return document;
  const bool interrupted = failure->code() == Code::cancelled;
  steps_.end(interrupted ? "interrupted" : "failed");
  if (interrupted) {
    const std::string taken_back = co_await async::shielded(kTakeBackDeadline, take_back());
    throw Error(Code::cancelled,
                fmt::format("push of {}: interrupted; {}", plan_.app.name, taken_back));
  }
  if (failed_at_ == "start")
    steps_.line(co_await last_words(api_, text_at(app_, "/guid"), plan_.app.name));
  throw *failure;
}

Task<json::object> AppPush::push() {
  co_await read_files();
  co_await look_before();
  co_await apply_manifest();
  const bool built = !options_.force && co_await built_already();
  if (built && co_await nothing_to_do()) {
    json::object document = co_await app_document(api_, app_);
    document["unchanged"] = true;
    document["droplet_guid"] = droplet_;
    co_return document;
  }
  if (!built) {
    co_await upload();
    co_await build();
  }
  co_await roll_out();
  const json::value app = co_await api_.get("/v3/apps/" + text_at(app_, "/guid"));
  json::object document = co_await app_document(api_, app);
  document["unchanged"] = false;
  document["droplet_guid"] = droplet_;
  co_return document;
}

Task<void> AppPush::look_before() {
  const json::value found = co_await api_.get(
      with_query("/v3/apps", {{"names", filter_value(plan_.app.name)}, {"space_guids", space_}}));
  const json::array& apps = array_at(found, "/resources");
  if (apps.empty()) co_return;
  before_ = apps[0];
  settings_ = co_await settings_of(text_at(before_, "/guid"));
}

// What instances are started with: when it is the same, they need not be started anew.
Task<json::value> AppPush::settings_of(std::string app_guid) {
  json::array processes;
  for (const json::value& one : co_await api_.list("/v3/apps/" + app_guid + "/processes")) {
    const json::value process = co_await api_.get("/v3/processes/" + text_at(one, "/guid"));
    json::object kept;
    for (const char* key : {"type", "command", "memory_in_mb", "disk_in_mb", "health_check",
                            "readiness_health_check", "user"})
      if (const json::value* value = at(process, std::string("/") + key)) kept[key] = *value;
    processes.push_back(std::move(kept));
  }
  const json::value env = co_await api_.get("/v3/apps/" + app_guid + "/env");
  const json::value app = co_await api_.get("/v3/apps/" + app_guid);
  co_return json::object{{"processes", std::move(processes)},
                         {"env", object_at(env, "/environment_variables")},
                         {"lifecycle", object_at(app, "/lifecycle")}};
}

Task<void> AppPush::apply_manifest() {
  steps_.begin("manifest", fmt::format("{} app {}...", before_.is_null() ? "Creating" : "Updating",
                                       command_.terminal.name(plan_.app.name)));
  sent_manifest_ = true;
  const Answer answer =
      co_await api_.send_text("POST", "/v3/spaces/" + space_ + "/actions/apply_manifest",
                              "application/x-yaml", manifest_text(plan_.app));
  co_await api_.finish(answer, "apply the manifest");
  app_ = co_await api_.app(plan_.app.name, space_);
  if (!before_.is_null())
    settings_changed_ = settings_ != co_await settings_of(text_at(app_, "/guid"));
  steps_.end();
}

Task<bool> AppPush::built_already() {
  if (before_.is_null() || object_at(before_, "/lifecycle") != object_at(app_, "/lifecycle"))
    co_return false;
  std::string package;
  try {
    const json::value droplet =
        co_await api_.get("/v3/apps/" + text_at(app_, "/guid") + "/droplets/current");
    droplet_ = text_at(droplet, "/guid");
    const std::string link = text_at(droplet, "/links/package/href");
    if (droplet_.empty() || link.empty()) co_return false;
    const json::value made_from = co_await api_.get(link);
    if (text_at(made_from, "/data/checksum/type") == "sha256")
      package = text_at(made_from, "/data/checksum/value");
  } catch (const Error& error) {
    if (error.code() != Code::not_found) throw;
  }
  co_return package == Digest::of(image::serialise_package(walk_.package)).hex();
}

Task<bool> AppPush::nothing_to_do() {
  if (settings_changed_ || text_at(app_, "/state") != "STARTED" || !options_.strategy.empty() ||
      options_.start == Start::no)
    co_return false;
  for (const json::value& one :
       co_await api_.list("/v3/apps/" + text_at(app_, "/guid") + "/processes")) {
    const json::value stats =
        co_await api_.get("/v3/processes/" + text_at(one, "/guid") + "/stats");
    for (const json::value& instance : instances_of(stats))
      if (text_at(instance, "/state") != "running") co_return false;
  }
  co_return true;
}

Task<void> AppPush::roll_out() {
  const std::string app = text_at(app_, "/guid");
  const bool started = text_at(app_, "/state") == "STARTED";
  if (options_.start == Start::no || !started) {
    if (options_.start == Start::no && started)
      co_await api_.send("POST", "/v3/apps/" + app + "/actions/stop");
    co_await api_.send("PATCH", "/v3/apps/" + app + "/relationships/current_droplet",
                       json::object{{"data", {{"guid", droplet_}}}});
  }
  if (options_.start == Start::no) co_return;
  failed_at_ = "start";
  steps_.begin("start", "Waiting for app to start...");
  // Not cut off half-way: what was begun must be known to be taken back.
  deployment_ = co_await async::shielded(
      kBeginDeadline,
      started ? begin_deployment(api_, app, droplet_, options_.strategy) : begin_start(api_, app));
  if (!deployment_.empty()) co_await follow_deployment(api_, deployment_, steps_);
  deployment_.clear();
  co_await until_running(api_, app);
  steps_.end();
}

Task<std::string> AppPush::take_back() {
  if (!sent_manifest_) co_return "nothing was changed.";
  std::string said;
  std::optional<Error> failure;
  try {
    if (!deployment_.empty()) co_await cancel_deployment(api_, deployment_);
    if (!deployment_.empty() && !before_.is_null() && text_at(before_, "/state") != "STARTED")
      co_await api_.send("POST", "/v3/apps/" + text_at(before_, "/guid") + "/actions/stop");
    if (!package_.empty() && !uploaded_) co_await api_.send("DELETE", "/v3/packages/" + package_);
    if (before_.is_null())
      said = co_await remove_new_app() ? "the app was new and is removed again."
                                       : "the app stays: another push of it is under way.";
    else
      said = fmt::format(
          "the version before it serves on{}.",
          settings_changed_ ? ", with the manifest's settings from its next start" : "");
  } catch (const Error& error) {
    failure = error;
  }
  if (failure)
    co_return fmt::format("taking it back failed too ({}); 'nuri app {}' shows how it stands",
                          failure->message(), plan_.app.name);
  co_return said;
}

Task<bool> AppPush::remove_new_app() {
  const json::value found = co_await api_.get(
      with_query("/v3/apps", {{"names", filter_value(plan_.app.name)}, {"space_guids", space_}}));
  const std::string guid = text_at(found, "/resources/0/guid");
  if (guid.empty()) co_return true;
  for (const json::value& package : co_await api_.list("/v3/packages?app_guids=" + guid))
    if (text_at(package, "/guid") != package_) co_return false;
  const auto routes = co_await api_.list("/v3/apps/" + guid + "/routes");
  co_await api_.finish(co_await api_.send("DELETE", "/v3/apps/" + guid), "remove the app");
  for (const json::value& route : routes)
    if (array_at(route, "/destinations").size() <= 1)
      co_await api_.finish(co_await api_.send("DELETE", "/v3/routes/" + text_at(route, "/guid")),
                           "remove its route");
  co_return true;
}

}  // namespace nuri::cli
