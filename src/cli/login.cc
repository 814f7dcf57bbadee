#include <fmt/format.h>

#include <cstdlib>

#include "cli/command.h"
#include "cli/verbs.h"

namespace nuri::cli {
namespace {

constexpr std::string_view kDetails = R"(
Logs in to a Nuri and remembers it in ~/.nuri/config.json (or $NURI_HOME/config.json), readable by
you alone. What is not given is asked for. On the machine where Nuri runs, its administrator need
not log in. --space chooses the space that the other verbs work in.

Examples:
  nuri login
  nuri login -a http://10.0.0.5:8081 -u ann
)";

Task<int> login(Command& command) {
  const std::string user = command.arguments.get("--user");
  const std::string secret = command.arguments.get("--password");
  Session& session = command.api.session();
  command.say(fmt::format("API endpoint: {}\nAuthenticating...", session.api()));
  // The client that the token is fetched with is of no use for anything else.
  async::Loop& loop = command.loop;
  http::SocketDialer dialer(loop, &command.pool);
  http::Client client(loop, dialer);
  co_await session.log_in(client, user, secret);
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

int run(const Arguments& given) {
  Session session(api_to_use(given));
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
           {"--password", "-p", "PASSWORD", "others on this machine can read it; better be asked"},
           kSpaceFlag,
           kJsonFlag},
          run};
}

}  // namespace nuri::cli
