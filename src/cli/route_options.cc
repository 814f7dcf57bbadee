#include <fmt/format.h>

#include "cli/option_words.h"
#include "cli/route_lookup.h"
#include "cli/verbs.h"

namespace nuri::cli {
namespace {

constexpr std::string_view kDetails = R"(
Shows or changes what a route asks of the router. Works at once, without a restart.

  loadbalancing      least-connection (default), round-robin, or hash by hash_header
  hash_header        the header whose equal values go to the same instance
  hash_balance       1.1 to 10: an instance this many times over the mean is passed over
  session_cookies    names of cookies that begin a sticky session, besides JSESSIONID
  https_redirect     true: plain requests are sent to https
  canonical_host     the host that others are sent to
  maintenance        true, or maintenance.text, .html, .retry_after, .bypass (addresses)
  basic_auth         basic_auth.users.NAME=PASSWORD, basic_auth.realm
  allow, deny        addresses and blocks, with commas
  error_pages        error_pages.404, error_pages.5xx: HTML for the router's own errors
  body_limit         bytes, or 512K, 10M, 1G
  compress           true, or compress.types, compress.min_bytes
  response_headers   response_headers.set.NAME=VALUE, response_headers.remove
  deadlines          deadlines.answer, .request, .body_idle, .idle, .head: 500ms, 30s, 2m
  max_outstanding    max_outstanding.instance, max_outstanding.route
  queue              queue.length, queue.wait

A value that begins with @ is the text of a file.

Examples:
  nuri route-options shop.localhost
  nuri route-options shop.localhost --set https_redirect=true --set compress=true
  nuri route-options shop.localhost/admin --set basic_auth.users.alice=SECRET
  nuri route-options shop.localhost --set maintenance.html=@soon.html
  nuri route-options shop.localhost --unset maintenance
)";

Task<int> route_options(Command& command) {
  const json::value space = co_await command.space();
  const RouteName name = co_await route_name(command);
  json::value route = co_await find_route(command, name, text_at(space, "/guid"));
  if (route.is_null())
    throw Error(
        Code::not_found,
        fmt::format("Route '{}' not found; 'nuri routes' lists those there are", name.str()));
  const json::object changes =
      option_changes(command.arguments.all("--set"), command.arguments.all("--unset"));
  if (!changes.empty()) {
    command.say(fmt::format("Updating route {} in {} ...", command.terminal.name(name.str()),
                            command.where(space)));
    const Answer changed = co_await command.api.send(
        "PATCH", "/v3/routes/" + text_at(route, "/guid"), json::object{{"options", changes}});
    route = changed.body;
  }
  const json::value* options =
      route.is_object() ? route.get_object().if_contains("options") : nullptr;
  const json::object shown =
      options && options->is_object() ? options->get_object() : json::object();
  if (command.json()) {
    command.print_json(json::object{{"guid", text_at(route, "/guid")}, {"options", shown}});
    co_return 0;
  }
  for (const auto& [key, value] : shown)
    command.terminal.out(
        fmt::format("{}: {}\n", std::string_view(key),
                    value.is_string() ? std::string(value.get_string()) : json::serialize(value)));
  if (shown.empty()) command.terminal.out("No options are set.\n");
  co_return 0;
}

}  // namespace

Verb route_options_verb() {
  return {"route-options",
          "Routes",
          "Show or change how the router treats an address",
          kDetails,
          {{"DOMAIN", "domain, or HOST.DOMAIN/PATH"}},
          {{"--set", "", "KEY=VALUE", "set an option; repeatable"},
           {"--unset", "", "KEY", "remove an option; repeatable"},
           kHostnameFlag,
           kRoutePathFlag,
           kSpaceFlag,
           kJsonFlag},
          [](const Arguments& arguments) { return run_command(arguments, route_options); }};
}

}  // namespace nuri::cli
