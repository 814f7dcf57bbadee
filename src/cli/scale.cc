#include <fmt/format.h>

#include "cli/app_view.h"
#include "cli/command.h"
#include "cli/rollout.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "model/manifest.h"

namespace nuri::cli {
namespace {

constexpr std::string_view kDetails = R"(
Changes how many instances an app has, and how much memory and disk each. Another number of
instances takes effect at once; another size of a running app starts new instances beside the old
ones, as a push does. Without a flag, shows how it is.

Examples:
  nuri scale hello -i 3
  nuri scale hello -m 512M -k 2G
  nuri scale hello -i 2 --process worker
)";

int size_of(const Arguments& arguments, std::string_view flag) {
  const auto mb = model::parse_megabytes(arguments.get(flag));
  if (!mb)
    throw Error(Code::bad_request, fmt::format("{} takes a size as in 512M or 1G, not '{}'", flag,
                                               arguments.get(flag)));
  return *mb;
}

json::object wishes(const Arguments& arguments) {
  json::object out;
  if (arguments.has("--instances"))
    out["instances"] = arguments.number("--instances", 1, 0, limits::kInstancesPerProcess);
  if (arguments.has("--memory")) out["memory_in_mb"] = size_of(arguments, "--memory");
  if (arguments.has("--disk")) out["disk_in_mb"] = size_of(arguments, "--disk");
  return out;
}

Task<void> roll_out(Command& command, std::string app_guid) {
  Steps steps(command.terminal, command.loop,
              command.json() ? Steps::Show::nothing : Steps::Show::lines);
  steps.begin("start", "Waiting for app to start...");
  std::string deployment = co_await active_deployment(command.api, app_guid);
  if (deployment.empty()) deployment = co_await begin_deployment(command.api, app_guid, {}, {});
  co_await follow_deployment(command.api, deployment, steps);
  steps.end();
}

Task<int> scale(Command& command) {
  const json::object wanted = wishes(command.arguments);
  const json::value space = co_await command.space();
  const json::value app = co_await command.api.app(command.app_name(), text_at(space, "/guid"));
  const std::string guid = text_at(app, "/guid");
  const std::string type = command.arguments.get("--process", "web");
  if (!wanted.empty()) {
    command.say(fmt::format("Scaling app {} in {}...", command.terminal.name(command.app_name()),
                            command.where(space)));
    const std::string process = fmt::format("/v3/apps/{}/processes/{}", guid, type);
    const json::value before = co_await command.api.get(process);
    co_await command.api.send("POST", process + "/actions/scale", wanted);
    bool resized = false;
    for (const char* key : {"memory_in_mb", "disk_in_mb"})
      if (const json::value* value = wanted.if_contains(key))
        resized |= value->to_number<std::int64_t>() != number_at(before, std::string("/") + key);
    if (resized && text_at(app, "/state") == "STARTED")
      co_await roll_out(command, guid);
    else if (text_at(app, "/state") == "STARTED")
      co_await until_running(command.api, guid);
    command.say("");
  }
  const json::object document = co_await app_document(command.api, app);
  if (command.json())
    command.print_json(document);
  else
    command.terminal.out(show_app(command.terminal, document));
  co_return 0;
}

}  // namespace

Verb scale_verb() {
  return {"scale",
          "Apps",
          "Change the number or size of an app's instances",
          kDetails,
          {{"APP", "name of the app"}},
          {{"--instances", "-i", "N", "how many"},
           {"--memory", "-m", "SIZE", "of each: 256M, 1G"},
           {"--disk", "-k", "SIZE", "of each"},
           {"--process", "", "TYPE", "of this process (default web)"},
           kSpaceFlag,
           kJsonFlag},
          [](const Arguments& arguments) { return run_command(arguments, scale); }};
}

}  // namespace nuri::cli
