#include <fmt/format.h>

#include "cli/command.h"
#include "cli/table.h"
#include "cli/verbs.h"

namespace nuri::cli {
namespace {

constexpr std::string_view kDetails = R"(
Shows what was done to an app and what happened to it, newest first.

Example:
  nuri events hello
)";

constexpr std::size_t kShown = 50;

// "index: 0, reason: CRASHED".
std::string described(const json::object& data) {
  std::string out;
  for (const auto& [key, value] : data) {
    if (!out.empty()) out += ", ";
    out +=
        fmt::format("{}: {}", std::string_view(key),
                    value.is_string() ? std::string(value.get_string()) : json::serialize(value));
  }
  return out;
}

Task<int> events(Command& command) {
  const json::value space = co_await command.space();
  const json::value app = co_await command.api.app(command.app_name(), text_at(space, "/guid"));
  command.say(fmt::format("Getting events for app {} in {}...\n",
                          command.terminal.name(command.app_name()), command.where(space)));
  const json::value page = co_await command.api.get(
      with_query("/v3/audit_events", {{"target_guids", text_at(app, "/guid")},
                                      {"order_by", "-created_at"},
                                      {"per_page", fmt::format("{}", kShown)}}));
  Table table({"time", "event", "actor", "description"});
  json::array documents;
  for (const json::value& event : array_at(page, "/resources")) {
    const json::object& data = object_at(event, "/data");
    table.add({show_api_time(text_at(event, "/created_at")), text_at(event, "/type"),
               text_at(event, "/actor/name"), described(data)});
    documents.push_back(json::object{{"time", text_at(event, "/created_at")},
                                     {"event", text_at(event, "/type")},
                                     {"actor", text_at(event, "/actor/name")},
                                     {"data", data}});
  }
  if (command.json())
    command.print_json(json::object{{"events", std::move(documents)}});
  else
    command.terminal.out(documents.empty() ? "No events found.\n" : table.str());
  co_return 0;
}

}  // namespace

Verb events_verb() {
  return {"events",
          "Apps",
          "Show what happened to an app",
          kDetails,
          {{"APP", "name of the app"}},
          {kSpaceFlag, kJsonFlag},
          [](const Arguments& arguments) { return run_command(arguments, events); }};
}

}  // namespace nuri::cli
