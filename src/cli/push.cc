#include <fmt/format.h>

#include "cli/app_push.h"
#include "cli/app_view.h"
#include "cli/table.h"
#include "cli/verbs.h"

namespace nuri::cli {
namespace {

constexpr std::string_view kDetails = R"(
Uploads a directory, builds it, starts it and waits until it answers. Only files that the server
does not have are uploaded, and what did not change is neither built nor started again. The version
before it serves until the new one is healthy; if that never happens, it serves on. Ctrl-C takes
back what the push began.

The directory is -p, else the manifest's path, else the current one. What .nuriignore lists (else
.cfignore, else .gitignore) stays behind. The manifest is -f, else nuri.yml or manifest.yml of that
directory, else of the current one; its keys are in docs/manifest.md. Flags win over it. Without
APP every app of the manifest is pushed.

Examples:
  nuri push hello                     this directory, as the app hello
  nuri push hello -p ./site -m 64M    another directory, with 64 MiB of memory
  nuri push                           what manifest.yml says
  nuri push hello -c "node app.js"    with its own start command ("null": the buildpack's again)
)";

AppPush::Options options_of(const Arguments& arguments) {
  AppPush::Options options;
  options.start = arguments.has("--no-start") ? AppPush::Start::no : AppPush::Start::yes;
  options.force = arguments.has("--force");
  options.strategy = arguments.get("--strategy");
  if (!options.strategy.empty() && options.strategy != "rolling" && options.strategy != "canary")
    throw Error(Code::bad_request,
                fmt::format("--strategy takes rolling or canary, not '{}'", options.strategy));
  return options;
}

void show_pushed(Command& command, const Steps& steps, const json::object& document) {
  const json::value top(document);
  command.say("");
  command.say(show_app(command.terminal, document));
  std::string line =
      at(top, "/unchanged")->get_bool() ? "Nothing changed since the last push." : "Pushed.";
  if (const json::array& routes = array_at(top, "/routes");
      !routes.empty() && text_at(top, "/state") == "started")
    line = fmt::format("{} {}", line, command.terminal.name(text_at(routes[0], "")));
  command.say(fmt::format("{}  ({})", line, show_seconds(steps.total_seconds())));
}

Task<int> push(Command& command) {
  PushPlan plan = plan_push(command.arguments);
  const AppPush::Options options = options_of(command.arguments);
  for (const std::string& warning : plan.warnings)
    command.terminal.err(fmt::format("warning: {}\n", warning));
  const json::value space = co_await command.space();
  json::array documents;
  for (AppPlan& app : plan.apps) {
    command.say(fmt::format("Pushing app {} to {}...", command.terminal.name(app.app.name),
                            command.where(space)));
    Steps steps(command.terminal, command.loop,
                command.json() ? Steps::Show::nothing : Steps::Show::lines);
    AppPush one(command, steps, std::move(app), text_at(space, "/guid"), options);
    json::object document = co_await one.run();
    show_pushed(command, steps, document);
    document["seconds"] = steps.total_seconds();
    document["step_seconds"] = steps.times();
    documents.push_back(std::move(document));
  }
  if (command.json()) command.print_json(json::object{{"apps", std::move(documents)}});
  co_return 0;
}

}  // namespace

Verb push_verb() {
  return {"push",
          "Apps",
          "Upload a directory, build it, run it",
          kDetails,
          {{"APP", "name of the app", Positional::Need::optional}},
          {{"--path", "-p", "DIR", "the app's directory"},
           {"--manifest", "-f", "FILE", "the manifest to read"},
           {"--no-manifest", "", "", "read no manifest"},
           {"--var", "", "NAME=VALUE", "for ((NAME)) in the manifest; may be repeated"},
           {"--instances", "-i", "N", "how many instances"},
           {"--memory", "-m", "SIZE", "of each instance: 256M, 1G"},
           {"--disk", "-k", "SIZE", "of each instance"},
           {"--command", "-c", "COMMAND", "what starts the app; null: what the build found"},
           {"--buildpack", "-b", "NAME", "build with this one; may be repeated"},
           {"--health-check-type", "-u", "TYPE", "port, http or process"},
           {"--endpoint", "", "PATH", "that the http check asks for"},
           {"--app-start-timeout", "-t", "SECONDS", "within which it must be healthy"},
           {"--no-route", "", "", "do not give it an address; take away those it has"},
           {"--random-route", "", "", "give it an address with a random name"},
           {"--no-start", "", "", "build only"},
           {"--strategy", "", "NAME", "rolling (default) or canary"},
           {"--force", "", "", "build and start it even if nothing changed"},
           kSpaceFlag,
           kJsonFlag},
          [](const Arguments& arguments) { return run_command(arguments, push); }};
}

}  // namespace nuri::cli
