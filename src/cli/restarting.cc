#include "cli/restarting.h"

#include "async/deadline.h"
#include "cli/app_view.h"
#include "cli/rollout.h"

namespace nuri::cli {
namespace {

constexpr Duration kTakeBackDeadline = 20s;
constexpr Duration kBeginDeadline = 20s;

Task<void> run(Command& command, json::value app, Steps& steps, std::string& deployment) {
  const std::string guid = text_at(app, "/guid");
  // Not cut off half-way: what was begun must be known to be taken back.
  deployment =
      co_await async::shielded(kBeginDeadline, text_at(app, "/state") == "STARTED"
                                                   ? begin_deployment(command.api, guid, {}, {})
                                                   : begin_start(command.api, guid));
  if (!deployment.empty()) co_await follow_deployment(command.api, deployment, steps);
  deployment.clear();
  co_await until_running(command.api, guid);
}

Task<void> take_back(Api& api, std::string app_guid, std::string deployment, bool was_started) {
  if (!deployment.empty()) co_await cancel_deployment(api, deployment);
  if (!was_started) co_await api.send("POST", "/v3/apps/" + app_guid + "/actions/stop");
}

}  // namespace

Task<void> bring_up(Command& command, json::value app) {
  Steps steps(command.terminal, command.loop,
              command.json() ? Steps::Show::nothing : Steps::Show::lines);
  steps.begin("start", "Waiting for app to start...");
  std::string deployment;
  std::optional<Error> failure;
  try {
    co_await run(command, app, steps, deployment);
  } catch (const Error& error) {
    failure = error;
  }
  const std::string guid = text_at(app, "/guid"), name = text_at(app, "/name");
  if (!failure) {
    steps.end();
  } else if (failure->code() == Code::cancelled) {
    steps.end("interrupted");
    const bool was_started = text_at(app, "/state") == "STARTED";
    co_await async::shielded(kTakeBackDeadline,
                             take_back(command.api, guid, deployment, was_started));
    throw Error(Code::cancelled, was_started ? "interrupted; the instances before serve on"
                                             : "interrupted; the app is stopped again");
  } else {
    steps.end("failed");
    if (!command.json()) command.terminal.err(co_await last_words(command.api, guid, name));
    throw *failure;
  }
}

Task<void> show_result(Command& command, std::string app_guid) {
  const json::value app = co_await command.api.get("/v3/apps/" + app_guid);
  const json::object document = co_await app_document(command.api, app);
  if (command.json())
    command.print_json(document);
  else
    command.terminal.out("\n" + show_app(command.terminal, document));
}

}  // namespace nuri::cli
