#include <fmt/format.h>

#include "async/deadline.h"
#include "cli/command.h"
#include "cli/log_tail.h"
#include "cli/verbs.h"

namespace nuri::cli {
namespace {

constexpr std::string_view kDetails = R"(
Shows an app's log: what its instances write (APP/PROC/WEB/0), its builds (STG), its requests (RTR)
and what was done to it (API). Without a flag, or with -f, new lines follow as they come until
Ctrl-C, which ends with exit code 0.

Examples:
  nuri logs hello             what comes from now on
  nuri logs hello --recent    what was
  nuri logs hello --recent -f both
)";

constexpr int kRecent = 1000;

void show(Command& command, const std::vector<LogLine>& lines) {
  std::string text;
  for (const LogLine& line : lines)
    text += command.json() ? json::serialize(line_json(line)) + "\n" : show_line(line) + "\n";
  command.terminal.out(text);
}

Task<void> follow(Command& command, LogTail& tail) {
  for (;;) {
    const auto lines = co_await tail.next();
    show(command, lines);
    if (!lines.empty()) continue;
    if (auto slept = co_await async::sleep(kLogPause); !slept)
      throw error_of(slept.error(), "follow the log");
  }
}

Task<int> logs(Command& command) {
  const bool recent = command.arguments.has("--recent");
  const json::value space = co_await command.space();
  const json::value app = co_await command.api.app(command.app_name(), text_at(space, "/guid"));
  const std::string guid = text_at(app, "/guid");
  command.say(fmt::format("Retrieving logs for app {} in {}...\n",
                          command.terminal.name(command.app_name()), command.where(space)));
  LogTail tail(command.api, guid);
  std::vector<LogLine> lines;
  if (recent) {
    lines = co_await recent_lines(command.api, guid, kRecent);
    show(command, lines);
    if (!command.arguments.has("--follow")) co_return 0;
  }
  if (lines.empty())
    co_await tail.begin_now();
  else
    tail.begin_after(lines.back().ns);
  try {
    co_await follow(command, tail);
  } catch (const Error& error) {
    if (error.code() != Code::cancelled) throw;
  }
  co_return 0;
}

}  // namespace

Verb logs_verb() {
  return {"logs",
          "Apps",
          "Show or follow an app's log",
          kDetails,
          {{"APP", "name of the app"}},
          {{"--recent", "", "", "what was written, then end"},
           {"--follow", "-f", "", "follow; with --recent, after that"},
           kSpaceFlag,
           {"--json", "", "", "print JSON, one object a line"}},
          [](const Arguments& arguments) { return run_command(arguments, logs); }};
}

}  // namespace nuri::cli
