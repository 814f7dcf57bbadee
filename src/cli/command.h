#pragma once

// What a verb that talks to the API runs in: a loop, a session, and Ctrl-C as cancellation.

#include <functional>
#include <string>

#include "async/blocking_pool.h"
#include "cli/api.h"
#include "cli/terminal.h"
#include "cli/verb.h"

namespace nuri::cli {

struct Command {
  async::Loop& loop;
  async::BlockingPool& pool;
  Api& api;
  Terminal& terminal;
  const Arguments& arguments;

  bool json() const { return arguments.has("--json"); }
  std::string app_name() const { return arguments.get("APP"); }
  // A line of what is being done; not with --json.
  void say(std::string_view line);
  // Prints `value` as a document of JSON.
  void print_json(const json::value& value);
  // "org default / space default as admin", with names styled.
  std::string where(const json::value& space) const;
  Task<json::value> space() { return api.space(arguments.get("--space")); }
  // The app that APP names, in the space.
  Task<json::value> app();
};

using CommandBody = Task<int> (*)(Command&);

// Runs `body` to its end with the process's session and terminal, and returns the exit code that it
// returned. The first Ctrl-C (or SIGTERM) cancels its waits: it throws Error{cancelled}; the second
// ends the process.
int run_command(const Arguments& arguments, CommandBody body);
// The same for who logs in just now.
int run_command(const Arguments& arguments, CommandBody body, Session session);

inline constexpr Flag kJsonFlag{"--json", "", "", "print JSON"};
inline constexpr Flag kSpaceFlag{"--space", "", "NAME", "in this space (default: the first one)"};

}  // namespace nuri::cli
