#include <fmt/format.h>

#include "cli/certificate_view.h"
#include "cli/command.h"
#include "cli/confirm.h"
#include "cli/verbs.h"

namespace nuri::cli {
namespace {

constexpr std::string_view kDetails = R"(
Takes a certificate from the router. NAME is one of its names; where several certificates have it,
the guid says which ('nuri certificates --json' has them). One that is not there is no error.

The one that Nuri made itself is made anew at its next start; one of an authority is ordered again
where that is wanted.

Examples:
  nuri delete-certificate shop.example.com
  nuri delete-certificate '*.example.com' -f
)";

constexpr std::string_view kPath = "/v3/nuri/certificates";

std::string described(const json::value& certificate, WallTime now) {
  return fmt::format("{} ({}, expires {})", text_at(certificate, "/guid"),
                     text_at(certificate, "/origin"),
                     show_expiry(text_at(certificate, "/not_after"), now));
}

// By guid, or by one of its names; null if there is none. Throws Error{bad_request} naming those
// that a name could mean.
Task<json::value> find_certificate(Command& command, std::string word) {
  for (const char* key : {"guids", "names"}) {
    const auto found = co_await command.api.list(with_query(kPath, {{key, filter_value(word)}}));
    if (found.size() == 1) co_return found.front();
    if (found.empty()) continue;
    std::string all;
    for (const json::value& one : found)
      all += (all.empty() ? "" : ", ") + described(one, command.loop.wall());
    throw Error(Code::bad_request,
                fmt::format("{} certificates are for '{}'; say which by its guid: {}", found.size(),
                            word, all));
  }
  co_return nullptr;
}

Task<int> delete_certificate(Command& command) {
  const std::string word = command.arguments.get("NAME");
  command.say(fmt::format("Deleting certificate {}...", command.terminal.name(word)));
  const json::value found = co_await find_certificate(command, word);
  if (found.is_null())
    command.say(fmt::format("Unable to delete, there is no certificate for '{}'.", word));
  else
    co_await command.api.finish(
        co_await command.api.send("DELETE", fmt::format("{}/{}", kPath, text_at(found, "/guid"))),
        "delete the certificate");
  if (command.json())
    command.print_json(json::object{
        {"name", word}, {"guid", text_at(found, "/guid")}, {"changed", !found.is_null()}});
  else
    command.say("OK");
  co_return 0;
}

}  // namespace

Verb delete_certificate_verb() {
  return {"delete-certificate",
          "Domains",
          "Take a certificate from the router",
          kDetails,
          {{"NAME", "one of its names, or its guid"}},
          {kForceFlag, kJsonFlag},
          [](const Arguments& arguments) {
            if (!confirmed(arguments, fmt::format("the certificate {}", arguments.get("NAME"))))
              return 1;
            return run_command(arguments, delete_certificate);
          }};
}

}  // namespace nuri::cli
