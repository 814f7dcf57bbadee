#include "cli/rollout.h"

#include <fmt/format.h>

#include "async/deadline.h"
#include "async/task_group.h"
#include "cli/app_view.h"
#include "cli/log_tail.h"

namespace nuri::cli {
namespace {

constexpr Duration kPollPause = 50ms;
constexpr Duration kLookEvery = 300ms;
constexpr Duration kRolloutDeadline = 30min;
constexpr std::size_t kLastLines = 20;

// What the instances said while the deployment ran: gone with them when it fails.
struct Observed {
  std::string details;
  std::string ports;  // that an instance listened on while it was not healthy
};

std::string ports_of(const json::value& instance) {
  std::string out;
  for (const json::value& port : array_at(instance, "/listening_ports"))
    out += fmt::format("{}{}", out.empty() ? "" : ", ", number_at(port, ""));
  return out;
}

std::string describe_instances(const json::array& instances, Observed& observed) {
  std::size_t running = 0;
  for (const json::value& one : instances) {
    running += text_at(one, "/state") == "running";
    if (const std::string details = text_at(one, "/details"); !details.empty())
      observed.details = details;
    const std::string ports = ports_of(one);
    if (text_at(one, "/state") != "running" && !ports.empty()) observed.ports = ports;
  }
  return fmt::format("{}/{} running{}{}", running, instances.size(),
                     observed.details.empty() ? "" : ", ", observed.details);
}

Task<void> watch_instances(Api& api, std::string app_guid, Steps& steps, Observed& observed) {
  try {
    std::string web;
    for (const json::value& one : co_await api.list("/v3/apps/" + app_guid + "/processes"))
      if (web.empty() || text_at(one, "/type") == "web") web = text_at(one, "/guid");
    while (!web.empty() && co_await async::sleep(kLookEvery)) {
      const json::value stats = co_await api.get("/v3/processes/" + web + "/stats");
      steps.progress(describe_instances(instances_of(stats), observed));
    }
  } catch (const Error&) {
    // Only for show; the deployment itself says how it ends.
  }
}

Error failure_of(const json::value& deployment, const Observed& observed) {
  const std::string reason = text_at(deployment, "/status/reason");
  std::string why = text_at(deployment, "/status/details/error");
  // The API says CANCELED also of what failed, and then why.
  if ((reason == "CANCELED" || reason == "CANCELING") && why.empty())
    return Error(Code::conflict, "the deployment was cancelled; the version before it serves");
  if (reason == "SUPERSEDED")
    return Error(Code::conflict, "another push or restart of this app took the place of this one");
  if (why.empty()) why = "its instances did not get healthy";
  if (why.find(observed.details) == why.npos) why += "; " + observed.details;
  if (!observed.ports.empty() && why.find("listen") == why.npos)
    why += fmt::format("; it listened on port {}, and must on $PORT", observed.ports);
  return Error(Code::unprocessable, fmt::format("the new version did not start: {}", why));
}

// The deployment when it is no longer ACTIVE, or paused.
Task<json::value> until_over(Api& api, std::string guid) {
  async::Loop& loop = (co_await async::current_scope()).loop();
  const Time end = loop.now() + kRolloutDeadline;
  for (;;) {
    const Time asked = loop.now();
    json::value deployment = co_await api.get("/v3/deployments/" + guid);
    if (text_at(deployment, "/status/value") == "FINALIZED" ||
        text_at(deployment, "/status/reason") == "PAUSED")
      co_return deployment;
    if (loop.now() >= end)
      throw Error(Code::timeout, "the deployment is not over after 30 minutes");
    if (loop.now() - asked < kPollPause)
      if (auto slept = co_await async::sleep(kPollPause); !slept)
        throw error_of(slept.error(), "wait for the deployment");
  }
}

}  // namespace

Task<std::string> begin_deployment(Api& api, std::string app_guid, std::string droplet_guid,
                                   std::string strategy) {
  json::object body{{"relationships", {{"app", {{"data", {{"guid", app_guid}}}}}}}};
  if (!droplet_guid.empty()) body["droplet"] = {{"guid", droplet_guid}};
  if (!strategy.empty()) body["strategy"] = strategy;
  const Answer answer = co_await api.send("POST", "/v3/deployments", std::move(body));
  co_return text_at(answer.body, "/guid");
}

Task<std::string> begin_start(Api& api, std::string app_guid) {
  co_await api.send("POST", "/v3/apps/" + app_guid + "/actions/start");
  co_return co_await active_deployment(api, app_guid);
}

Task<std::string> active_deployment(Api& api, std::string app_guid) {
  const json::value answer = co_await api.get(with_query(
      "/v3/deployments",
      {{"app_guids", app_guid}, {"status_values", "ACTIVE"}, {"order_by", "-created_at"}}));
  co_return text_at(answer, "/resources/0/guid");
}

Task<void> follow_deployment(Api& api, std::string deployment_guid, Steps& steps) {
  const json::value begun = co_await api.get("/v3/deployments/" + deployment_guid + "?wait=false");
  const std::string app = text_at(begun, "/relationships/app/data/guid");
  Observed observed;
  async::TaskGroup group(co_await async::current_scope());
  if (!app.empty()) group.spawn(watch_instances(api, app, steps, observed));
  const json::value deployment = co_await until_over(api, deployment_guid);
  group.cancel();
  co_await group.join();
  const std::string reason = text_at(deployment, "/status/reason");
  if (reason != "DEPLOYED" && reason != "PAUSED") throw failure_of(deployment, observed);
}

Task<void> cancel_deployment(Api& api, std::string deployment_guid) {
  try {
    co_await api.send("POST", "/v3/deployments/" + deployment_guid + "/actions/cancel");
  } catch (const Error& error) {
    const bool over = error.code() == Code::unprocessable || error.code() == Code::not_found ||
                      error.code() == Code::conflict;
    if (!over) throw;
  }
}

Task<void> start_app(Api& api, std::string app_guid, Steps& steps) {
  const std::string deployment = co_await begin_start(api, app_guid);
  if (!deployment.empty()) co_await follow_deployment(api, deployment, steps);
  co_await until_running(api, app_guid);
}

Task<std::string> last_words(Api& api, std::string app_guid, std::string app_name) {
  std::vector<LogLine> lines;
  try {
    lines = co_await recent_lines(api, app_guid, 200);
  } catch (const Error&) {
    // Without a log there is still the error to tell.
  }
  std::erase_if(lines,
                [](const LogLine& line) { return line.source == "STG" || line.source == "RTR"; });
  if (lines.size() > kLastLines) lines.erase(lines.begin(), lines.end() - kLastLines);
  std::string out;
  if (!lines.empty()) out += "The last lines of its log:\n";
  for (const LogLine& line : lines) out += show_line(line) + "\n";
  out += fmt::format("TIP: use 'nuri logs {} --recent' for more information\n", app_name);
  co_return out;
}

}  // namespace nuri::cli
