#include <fmt/format.h>

#include "cli/certificate_view.h"
#include "cli/command.h"
#include "cli/pem_file.h"
#include "cli/table.h"
#include "cli/verbs.h"

namespace nuri::cli {
namespace {

constexpr std::string_view kDetails = R"(
Gives the router a certificate of your own. It is shown for the names that it holds, at once and
without a restart. FILE of --chain: the site's certificate, then its intermediates; of --key: its
private key, without a pass phrase; both in PEM form. The key never leaves Nuri again.

Renewing it is the same command: a certificate with the same names takes the place of the older one.

Examples:
  nuri add-certificate --chain fullchain.pem --key privkey.pem
)";

Task<int> add_certificate(Command& command) {
  command.say("Adding the certificate...");
  const Answer answer =
      co_await command.api.send("POST", "/v3/nuri/certificates",
                                json::object{{"chain", command.arguments.get("chain")},
                                             {"key", command.arguments.get("key")}});
  if (command.json()) {
    command.print_json(answer.body);
    co_return 0;
  }
  const json::value& made = answer.body;
  Table table;
  table.add({"names:", command.terminal.name(show_names(array_at(made, "/names")))});
  table.add({"issuer:", text_at(made, "/issuer")});
  table.add({"expires:",
             fmt::format("{} ({})", show_expiry(text_at(made, "/not_after"), command.loop.wall()),
                         show_api_time(text_at(made, "/not_after")))});
  const std::string older = text_at(made, "/replaced/not_after");
  if (!older.empty())
    table.add({"replaces:", fmt::format("the one that expires {}", show_api_time(older))});
  command.say("OK\n");
  command.terminal.out(table.str());
  co_return 0;
}

// The files are read before the API is asked for anything.
int run(const Arguments& given) {
  Arguments arguments = given;
  for (const std::string_view flag : {"--chain", "--key"})
    if (!given.has(flag))
      throw Error(
          Code::bad_request,
          fmt::format("{} FILE is missing: nuri add-certificate --chain FILE --key FILE", flag));
  arguments.add("chain", read_pem_file(given.get("--chain")));
  arguments.add("key", read_pem_file(given.get("--key")));
  return run_command(arguments, add_certificate);
}

}  // namespace

Verb add_certificate_verb() {
  return {"add-certificate",
          "Domains",
          "Give the router a certificate, or renew it",
          kDetails,
          {},
          {{"--chain", "", "FILE", "the certificate, then its intermediates (PEM)"},
           {"--key", "", "FILE", "its private key (PEM)"},
           kJsonFlag},
          run};
}

}  // namespace nuri::cli
