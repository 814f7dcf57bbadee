#include "cli/environment.h"

#include <fmt/format.h>

#include "cli/restarting.h"

namespace nuri::cli {

std::vector<std::pair<std::string, std::string>> parse_assignments(
    const std::vector<std::string>& words) {
  if (words.size() == 2 && words[0].find('=') == std::string::npos) return {{words[0], words[1]}};
  std::vector<std::pair<std::string, std::string>> out;
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (equals == 0 || equals == word.npos)
      throw Error(Code::bad_request,
                  fmt::format("'{}' sets nothing; write NAME=VALUE, or NAME VALUE for one", word));
    out.emplace_back(word.substr(0, equals), word.substr(equals + 1));
  }
  if (out.empty()) throw Error(Code::bad_request, "say what to set: nuri set-env APP NAME=VALUE");
  return out;
}

Task<void> change_environment(Command& command, json::value app, json::object var) {
  const std::string path = "/v3/apps/" + text_at(app, "/guid") + "/environment_variables";
  const json::value before = co_await command.api.get(path);
  const Answer after =
      co_await command.api.send("PATCH", path, json::object{{"var", std::move(var)}});
  const bool changed = object_at(before, "/var") != object_at(after.body, "/var");
  const bool runs = text_at(app, "/state") == "STARTED";
  const bool restart = changed && runs && !command.arguments.has("--no-restart");
  if (!changed) command.say("Nothing changed.");
  if (restart) co_await bring_up(command, app);
  if (command.json())
    command.print_json(json::object{{"name", text_at(app, "/name")},
                                    {"environment_variables", object_at(after.body, "/var")},
                                    {"changed", changed},
                                    {"restarted", restart}});
  else
    command.say("OK");
  if (changed && runs && !restart)
    command.say(
        fmt::format("TIP: Use 'nuri restart {}' to ensure your env variable changes take "
                    "effect.",
                    text_at(app, "/name")));
}

}  // namespace nuri::cli
