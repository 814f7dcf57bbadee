#include <fmt/format.h>

#include "cli/command.h"
#include "cli/verbs.h"

namespace nuri::cli {
namespace {

constexpr std::string_view kDetails = R"(
Makes a domain that addresses may be made of: everybody's, which takes an administrator, or with
--org that of one organization. Its names must lead here in the DNS: NAME, and *.NAME.

Examples:
  nuri create-domain example.com
  nuri create-domain shop.example.com --org default
)";

Task<std::string> org_guid(Api& api, std::string name) {
  const json::value found =
      co_await api.get(with_query("/v3/organizations", {{"names", filter_value(name)}}));
  std::string guid = text_at(found, "/resources/0/guid");
  if (guid.empty()) throw Error(Code::not_found, fmt::format("Organization '{}' not found.", name));
  co_return guid;
}

Task<int> create_domain(Command& command) {
  const std::string name = command.arguments.get("NAME");
  command.say(fmt::format("Creating domain {}...", command.terminal.name(name)));
  json::object body{{"name", name}};
  if (command.arguments.has("--org"))
    body["relationships"] = {
        {"organization",
         {{"data", {{"guid", co_await org_guid(command.api, command.arguments.get("--org"))}}}}}};
  const Answer made = co_await command.api.send("POST", "/v3/domains", std::move(body));
  if (command.json())
    command.print_json(
        json::object{{"guid", text_at(made.body, "/guid")}, {"name", text_at(made.body, "/name")}});
  else
    command.say("OK");
  co_return 0;
}

}  // namespace

Verb create_domain_verb() {
  return {"create-domain",
          "Domains",
          "Make a domain that addresses may be made of",
          kDetails,
          {{"NAME", "such as example.com"}},
          {{"--org", "", "ORG", "for this organization alone (default: for everybody)"}, kJsonFlag},
          [](const Arguments& arguments) { return run_command(arguments, create_domain); }};
}

}  // namespace nuri::cli
