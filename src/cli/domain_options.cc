#include <fmt/format.h>

#include "cli/domain_lookup.h"
#include "cli/verbs.h"

namespace nuri::cli {
namespace {

constexpr std::string_view kDetails = R"(
Shows or changes what holds for all addresses of a domain. Works at once, without a restart.

  https_redirect     true: plain requests for any of its hosts are sent to https

One address alone: nuri route-options --help.

Examples:
  nuri domain-options example.com
  nuri domain-options example.com --https-redirect true
)";

Task<int> domain_options(Command& command) {
  json::value domain = co_await require_domain(command.api, command.arguments.get("DOMAIN"));
  if (command.arguments.has("--https-redirect")) {
    command.say(
        fmt::format("Updating domain {} ...", command.terminal.name(text_at(domain, "/name"))));
    const json::object options{{"https_redirect", command.arguments.get("--https-redirect")}};
    const Answer changed = co_await command.api.send(
        "PATCH", "/v3/domains/" + text_at(domain, "/guid"), json::object{{"options", options}});
    domain = changed.body;
  }
  const json::object& shown = object_at(domain, "/options");
  if (command.json()) {
    command.print_json(json::object{{"guid", text_at(domain, "/guid")}, {"options", shown}});
    co_return 0;
  }
  for (const auto& [key, value] : shown)
    command.terminal.out(fmt::format("{}: {}\n", std::string_view(key), json::serialize(value)));
  co_return 0;
}

}  // namespace

Verb domain_options_verb() {
  return {"domain-options",
          "Domains",
          "Show or change what holds for all addresses of a domain",
          kDetails,
          {{"DOMAIN", "the domain"}},
          {{"--https-redirect", "", "true|false", "send plain requests to https"}, kJsonFlag},
          [](const Arguments& arguments) { return run_command(arguments, domain_options); }};
}

}  // namespace nuri::cli
