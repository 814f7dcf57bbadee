#include "cli/command.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include "async/epoll_loop.h"
#include "async/signals.h"
#include "async/task_group.h"
#include "cli/connection.h"

namespace nuri::cli {
namespace {

constexpr std::size_t kThreads = 2;
constexpr std::size_t kJobs = 64;
constexpr int kInterrupted = 130;

Task<void> watch(async::Signals& signals, async::Scope& scope, Terminal& terminal) {
  while (co_await signals.next()) {
    if (scope.cancelled()) {
      terminal.err("\nStopped at once; what was under way may be left half done.\n");
      ::_exit(kInterrupted);
    }
    scope.cancel();
  }
}

Task<int> supervise(async::Loop& loop, const Arguments& arguments, CommandBody body,
                    Session session) {
  // Before the pool: its threads must not take the signals.
  async::Signals signals(loop, {SIGINT, SIGTERM});
  async::ThreadPool pool(kThreads, kJobs);
  Connection connection(loop, pool, session);
  Api api(connection.client(), session);
  StandardTerminal terminal;
  Command command{loop, pool, api, terminal, arguments};

  async::Scope scope(co_await async::current_scope());
  async::TaskGroup watcher(loop);
  watcher.spawn(watch(signals, scope, terminal));
  int code = 0;
  std::exception_ptr failure;
  try {
    code = co_await body(command).in(scope);
  } catch (...) {
    failure = std::current_exception();
  }
  watcher.cancel();
  co_await watcher.join();
  if (failure) std::rethrow_exception(failure);
  co_return code;
}

}  // namespace

void Command::say(std::string_view line) {
  if (!json()) terminal.out(fmt::format("{}\n", line));
}

void Command::print_json(const json::value& value) { terminal.out(json::serialize(value) + "\n"); }

std::string Command::where(const json::value& space) const {
  return fmt::format("space {} as {}", terminal.name(text_at(space, "/name")),
                     terminal.name(api.session().username()));
}

Task<json::value> Command::app() {
  const json::value in = co_await space();
  co_return co_await api.app(app_name(), text_at(in, "/guid"));
}

int run_command(const Arguments& arguments, CommandBody body) {
  return run_command(arguments, body, Session::open());
}

int run_command(const Arguments& arguments, CommandBody body, Session session) {
  async::EpollLoop loop;
  return loop.run(supervise(loop, arguments, body, std::move(session)));
}

}  // namespace nuri::cli
