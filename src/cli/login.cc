#include <fmt/format.h>

#include <cstdlib>

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/verbs.h"

namespace nuri::cli {
namespace {

constexpr std::string_view kDetails = R"(
Logs in to a Nuri and remembers it in ~/.nuri/config.json (or $NURI_HOME/config.json), readable by
you alone. What is not given is asked for. On the machine where Nuri runs, its administrator need
not log in. --space chooses the space that the other verbs work in.

An https address must show a certificate that the system trusts (or $SSL_CERT_FILE, if that is
set), or that leads to one in the file given with --ca (PEM). A copy of that file is remembered for
this address alone; 'nuri logout' forgets it.

Examples:
  nuri login
  nuri login -a http://10.0.0.5:8081 -u ann
  nuri login -a https://nuri.example.com --ca company-ca.pem
)";

Task<int> login(Command& command) {
  const std::string user = command.arguments.get("--user");
  const std::string secret = command.arguments.get("--password");
  Session& session = command.api.session();
  command.say(fmt::format("API endpoint: {}\nAuthenticating...", session.api()));
  // The client that the token is fetched with is of no use for anything else.
  Connection connection(command.loop, command.pool, session);
  co_await session.log_in(connection.client(), user, secret);
  const json::value space = co_await command.space();
  if (command.arguments.has("--space"))
    change_config(config_folder(),
                  [&](Config& config) { config.spaces[session.api()] = text_at(space, "/name"); });
  if (command.json())
    command.print_json(json::object{
        {"api", session.api()}, {"user", session.username()}, {"space", text_at(space, "/name")}});
  else
    command.say(fmt::format("OK\n\nAPI endpoint:   {}\nuser:           {}\nspace:          {}",
                            session.api(), session.username(), text_at(space, "/name")));
  co_return 0;
}

std::string api_to_use(const Arguments& arguments) {
  if (arguments.has("--api")) return tidy_api_url(arguments.get("--api"));
  try {
    return Session::open().api();
  } catch (const Error&) {
    return tidy_api_url(ask("API endpoint", Echo::on, "give it with -a"));
  }
}

Session session_for(const Arguments& given) {
  Session session = Session::for_login(api_to_use(given));
  if (!given.has("--ca")) return session;
  if (!session.api().starts_with("https:"))
    throw Error(Code::bad_request,
                fmt::format("--ca is for an https address, {} is none", session.api()));
  session.trust(read_roots(given.get("--ca")));
  return session;
}

int run(const Arguments& given) {
  Session session = session_for(given);
  Arguments arguments = given;
  if (!given.has("--user")) arguments.add("--user", ask("User", Echo::on, "give it with -u"));
  if (!given.has("--password")) {
    const char* secret = std::getenv("NURI_PASSWORD");
    arguments.add("--password", secret && *secret
                                    ? std::string(secret)
                                    : ask("Password", Echo::off,
                                          "give it with -p, or in the variable NURI_PASSWORD"));
  }
  return run_command(arguments, login, std::move(session));
}

}  // namespace

Verb login_verb() {
  return {"login",
          "Platform",
          "Log in to a Nuri",
          kDetails,
          {},
          {{"--api", "-a", "URL", "of the Nuri (default: the one in use)"},
           {"--user", "-u", "NAME", "who you are"},
           {"--ca", "", "FILE", "certificates (PEM) to trust instead of the system's"},
           {"--password", "-p", "PASSWORD", "others on this machine can read it; better be asked"},
           kSpaceFlag,
           kJsonFlag},
          run};
}

}  // namespace nuri::cli
