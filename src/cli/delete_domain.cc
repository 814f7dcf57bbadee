#include <fmt/format.h>

#include "cli/confirm.h"
#include "cli/domain_lookup.h"
#include "cli/verbs.h"

namespace nuri::cli {
namespace {

constexpr std::string_view kDetails = R"(
Removes a domain that no address is made of any more. One that does not exist is no error.

Example:
  nuri delete-domain example.com
)";

Task<int> delete_domain(Command& command) {
  const std::string name = command.arguments.get("NAME");
  command.say(fmt::format("Deleting domain {}...", command.terminal.name(name)));
  const json::value domain = co_await find_domain(command.api, name);
  if (domain.is_null())
    command.say(fmt::format("Unable to delete, domain '{}' does not exist.", name));
  else
    co_await command.api.finish(
        co_await command.api.send("DELETE", "/v3/domains/" + text_at(domain, "/guid")),
        "delete the domain");
  if (command.json())
    command.print_json(json::object{{"name", name}, {"changed", !domain.is_null()}});
  else
    command.say("OK");
  co_return 0;
}

}  // namespace

Verb delete_domain_verb() {
  return {"delete-domain",
          "Domains",
          "Remove a domain",
          kDetails,
          {{"NAME", "of the domain"}},
          {kForceFlag, kJsonFlag},
          [](const Arguments& arguments) {
            if (!confirmed(arguments, fmt::format("the domain {}", arguments.get("NAME"))))
              return 1;
            return run_command(arguments, delete_domain);
          }};
}

}  // namespace nuri::cli
