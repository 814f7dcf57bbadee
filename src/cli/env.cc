#include <fmt/format.h>

#include "cli/command.h"
#include "cli/verbs.h"

namespace nuri::cli {
namespace {

constexpr std::string_view kDetails = R"(
Shows the environment of an app: what the platform gives it, and what you set.

Example:
  nuri env hello
)";

std::string section(std::string_view title, const json::object& variables) {
  if (variables.empty()) return fmt::format("No {} variables have been set\n\n", title);
  std::string out = fmt::format("{} variables:\n", title);
  for (const auto& [name, value] : variables)
    out +=
        fmt::format("{}: {}\n", std::string_view(name),
                    value.is_string() ? std::string(value.get_string()) : json::serialize(value));
  return out + "\n";
}

Task<int> env(Command& command) {
  const json::value space = co_await command.space();
  const json::value app = co_await command.api.app(command.app_name(), text_at(space, "/guid"));
  command.say(fmt::format("Getting env variables for app {} in {}...\n",
                          command.terminal.name(command.app_name()), command.where(space)));
  const json::value all = co_await command.api.get("/v3/apps/" + text_at(app, "/guid") + "/env");
  if (command.json()) {
    command.print_json(all);
    co_return 0;
  }
  command.terminal.out(section("system-provided", object_at(all, "/system_env_json")) +
                       section("application", object_at(all, "/application_env_json")) +
                       section("user-provided", object_at(all, "/environment_variables")));
  co_return 0;
}

}  // namespace

Verb env_verb() {
  return {"env",
          "Environment",
          "Show an app's environment",
          kDetails,
          {{"APP", "name of the app"}},
          {kSpaceFlag, kJsonFlag},
          [](const Arguments& arguments) { return run_command(arguments, env); }};
}

}  // namespace nuri::cli
