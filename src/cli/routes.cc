#include <fmt/format.h>

#include <map>

#include "cli/command.h"
#include "cli/table.h"
#include "cli/verbs.h"

namespace nuri::cli {
namespace {

constexpr std::string_view kDetails = R"(
Lists the addresses of the space and the apps that they lead to.

Examples:
  nuri routes
  nuri routes --json
)";

Task<int> routes(Command& command) {
  const json::value space = co_await command.space();
  const std::string guid = text_at(space, "/guid");
  command.say(fmt::format("Getting routes for {} ...\n", command.where(space)));
  std::map<std::string, std::string> app_names, domain_names;
  for (const json::value& app : co_await command.api.list("/v3/apps?space_guids=" + guid))
    app_names[text_at(app, "/guid")] = text_at(app, "/name");
  for (const json::value& domain : co_await command.api.list("/v3/domains"))
    domain_names[text_at(domain, "/guid")] = text_at(domain, "/name");

  Table table({"host", "domain", "path", "apps", "url"});
  json::array documents;
  for (const json::value& route : co_await command.api.list("/v3/routes?space_guids=" + guid)) {
    json::array apps;
    std::string shown;
    for (const json::value& one : array_at(route, "/destinations")) {
      const std::string name = app_names[text_at(one, "/app/guid")];
      apps.push_back(json::value(name));
      shown += (shown.empty() ? "" : ", ") + name;
    }
    const std::string domain = domain_names[text_at(route, "/relationships/domain/data/guid")];
    const std::string url = co_await command.api.address_of(text_at(route, "/url"));
    table.add({command.terminal.name(text_at(route, "/host")), domain, text_at(route, "/path"),
               shown, url});
    documents.push_back(json::object{{"guid", text_at(route, "/guid")},
                                     {"host", text_at(route, "/host")},
                                     {"domain", domain},
                                     {"path", text_at(route, "/path")},
                                     {"url", url},
                                     {"apps", std::move(apps)},
                                     {"options", route.at("options")}});
  }
  if (command.json())
    command.print_json(json::object{{"routes", std::move(documents)}});
  else
    command.terminal.out(documents.empty() ? "No routes found.\n" : table.str());
  co_return 0;
}

}  // namespace

Verb routes_verb() {
  return {"routes",
          "Routes",
          "List the addresses",
          kDetails,
          {},
          {kSpaceFlag, kJsonFlag},
          [](const Arguments& arguments) { return run_command(arguments, routes); }};
}

}  // namespace nuri::cli
