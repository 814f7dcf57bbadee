#include <fmt/format.h>

#include "cli/certificate_view.h"
#include "cli/command.h"
#include "cli/table.h"
#include "cli/verbs.h"

namespace nuri::cli {
namespace {

constexpr std::string_view kDetails = R"(
Lists the certificates that the router shows to clients of https: for which names they are, where
they come from (uploaded, from an authority, or made by Nuri itself, which clients do not trust),
and when they expire. Below, for an administrator, what an authority refused, and why.

Examples:
  nuri certificates
  nuri certificates --json
)";

// All, for an administrator; null for others, who may not see them.
Task<json::value> orders(Command& command) {
  std::vector<json::value> found;
  try {
    found = co_await command.api.list("/v3/nuri/certificate_orders");
  } catch (const Error& error) {
    if (error.code() != Code::forbidden) throw;
    co_return nullptr;
  }
  json::array out;
  for (json::value& one : found) out.push_back(std::move(one));
  co_return out;
}

std::string expiry_of(const Command& command, const json::value& certificate) {
  std::string text = show_expiry(text_at(certificate, "/not_after"), command.loop.wall());
  return text.starts_with("expired") ? command.terminal.bad(text) : text;
}

std::string failures_text(const Command& command, const json::array& orders) {
  std::string out;
  for (const json::value& order : orders) {
    const std::int64_t failures = number_at(order, "/failures");  // since the last success
    if (failures == 0) continue;
    out += fmt::format("\n{}   failed {} time{}, last {}",
                       command.terminal.name(text_at(order, "/name")), failures,
                       failures == 1 ? "" : "s", show_api_time(text_at(order, "/last_failure")));
    const std::string next = text_at(order, "/not_earlier");
    WallTime time;
    if (parse_rfc3339(next, time) && time > command.loop.wall())
      out += fmt::format(", not tried again before {}", show_api_time(next));
    out += fmt::format("\n   {}\n", command.terminal.bad(text_at(order, "/error")));
  }
  return out.empty() ? out : "\nOrders from an authority that fail:\n" + out;
}

Task<int> certificates(Command& command) {
  command.say("Getting certificates...\n");
  Table table({"names", "origin", "expires", "issuer"});
  json::array documents;
  for (json::value& one : co_await command.api.list("/v3/nuri/certificates")) {
    table.add({command.terminal.name(show_names(array_at(one, "/names"))), text_at(one, "/origin"),
               expiry_of(command, one), text_at(one, "/issuer")});
    documents.push_back(std::move(one));
  }
  const json::value ordered = co_await orders(command);
  if (command.json()) {
    command.print_json(json::object{{"certificates", std::move(documents)}, {"orders", ordered}});
    co_return 0;
  }
  command.terminal.out(documents.empty() ? "No certificates found.\n" : table.str());
  if (ordered.is_array()) command.terminal.out(failures_text(command, ordered.get_array()));
  co_return 0;
}

}  // namespace

Verb certificates_verb() {
  return {"certificates",
          "Domains",
          "List the certificates for https",
          kDetails,
          {},
          {kJsonFlag},
          [](const Arguments& arguments) { return run_command(arguments, certificates); }};
}

}  // namespace nuri::cli
