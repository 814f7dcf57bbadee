#include <fmt/format.h>

#include <map>

#include "cli/command.h"
#include "cli/table.h"
#include "cli/verbs.h"

namespace nuri::cli {
namespace {

constexpr std::string_view kDetails = R"(
Lists the domains that addresses may be made of, and whose they are: shared ones are everybody's.

Examples:
  nuri domains
  nuri domains --json
)";

Task<int> domains(Command& command) {
  command.say("Getting domains...\n");
  std::map<std::string, std::string> orgs;
  for (const json::value& org : co_await command.api.list("/v3/organizations"))
    orgs[text_at(org, "/guid")] = text_at(org, "/name");
  Table table({"name", "availability", "options"});
  json::array documents;
  for (const json::value& one : co_await command.api.list("/v3/domains?order_by=name")) {
    const std::string org = orgs[text_at(one, "/relationships/organization/data/guid")];
    const json::value* redirect = at(one, "/options/https_redirect");
    const json::value* internal = at(one, "/internal");
    const bool redirects = redirect && *redirect == json::value(true);
    const bool inside = internal && *internal == json::value(true);
    table.add({command.terminal.name(text_at(one, "/name")),
               fmt::format("{}{}", org.empty() ? "shared" : "private to " + org,
                           inside ? ", internal" : ""),
               redirects ? "https_redirect" : ""});
    documents.push_back(json::object{{"guid", text_at(one, "/guid")},
                                     {"name", text_at(one, "/name")},
                                     {"internal", inside},
                                     {"org", org.empty() ? json::value(nullptr) : json::value(org)},
                                     {"options", object_at(one, "/options")}});
  }
  if (command.json())
    command.print_json(json::object{{"domains", std::move(documents)}});
  else
    command.terminal.out(documents.empty() ? "No domains found.\n" : table.str());
  co_return 0;
}

}  // namespace

Verb domains_verb() {
  return {"domains",
          "Domains",
          "List the domains",
          kDetails,
          {},
          {kJsonFlag},
          [](const Arguments& arguments) { return run_command(arguments, domains); }};
}

}  // namespace nuri::cli
