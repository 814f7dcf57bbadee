#include <fmt/format.h>

#include "cli/app_view.h"
#include "cli/command.h"
#include "cli/table.h"
#include "cli/verbs.h"

namespace nuri::cli {
namespace {

constexpr std::string_view kDetails = R"(
Lists the apps of the space: whether each should run, how many of its instances do, and where it is
served.

Examples:
  nuri apps
  nuri apps --json
)";

Task<int> apps(Command& command) {
  const json::value space = co_await command.space();
  command.say(fmt::format("Getting apps in {}...\n", command.where(space)));
  json::array documents;
  Table table({"name", "requested state", "processes", "routes"});
  for (json::value& app : co_await command.api.list(with_query(
           "/v3/apps", {{"order_by", "name"}, {"space_guids", text_at(space, "/guid")}}))) {
    const json::value document(co_await app_document(command.api, std::move(app)));
    std::string routes;
    for (const json::value& route : array_at(document, "/routes"))
      routes += (routes.empty() ? "" : ", ") + text_at(route, "");
    table.add({command.terminal.name(text_at(document, "/name")), text_at(document, "/state"),
               show_processes(array_at(document, "/processes")), routes});
    documents.push_back(document);
  }
  if (command.json())
    command.print_json(json::object{{"apps", std::move(documents)}});
  else if (documents.empty())
    command.say("No apps found; 'nuri push NAME' in a directory makes one");
  else
    command.terminal.out(table.str());
  co_return 0;
}

}  // namespace

Verb apps_verb() {
  return {"apps",
          "Apps",
          "List the apps",
          kDetails,
          {},
          {kSpaceFlag, kJsonFlag},
          [](const Arguments& arguments) { return run_command(arguments, apps); }};
}

}  // namespace nuri::cli
