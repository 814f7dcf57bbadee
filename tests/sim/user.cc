#include "user.h"

#include "base/encoding.h"

namespace nuri::sim {
namespace {

constexpr int kAttempts = 4;
constexpr int kJobPolls = 20;

json::object named(const std::string& guid) { return json::object{{"guid", guid}}; }

json::object relation(const std::string& guid) { return json::object{{"data", named(guid)}}; }

json::object destinations(json::array all) {
  return json::object{{"destinations", std::move(all)}};
}

}  // namespace

std::string User::app_path(std::string_view more) const {
  return "/v3/apps/" + app_.str() + std::string(more);
}

Task<Reply> User::send(Wanted wanted) {
  wanted.headers.set("Authorization", token_);
  const std::string what = wanted.method + " " + wanted.path;
  Reply reply = co_await parts_.line.ask(std::move(wanted));
  parts_.trace.note("{}: {} -> {}", name_, what, reply.answer.status);
  if (reply.text("/errors/0/detail") == "App not found") gone_ = true;
  co_return reply;
}

Task<void> User::log_in() {
  // Each another user of the platform; a space developer may do all of this.
  const std::string username = name_.back() == '1' ? "admin" : "developer";
  while (token_.empty()) {
    Wanted wanted{"POST",
                  "/oauth/token",
                  "grant_type=password&username=" + username + "&password=" + kPassword,
                  {{"Content-Type", "application/x-www-form-urlencoded"},
                   {"Authorization", "Basic " + base64("cf:")}}};
    const Reply reply = co_await parts_.line.ask(std::move(wanted));
    parts_.trace.note("{}: log in -> {}", name_, reply.answer.status);
    if (reply.fate == Fate::done)
      token_ = "bearer " + reply.text("/access_token");
    else if (!co_await async::sleep(reply.answer.status == 429 ? 60s : 1s))
      co_return;
  }
}

Task<Reply> User::ask(std::string method, std::string path, json::object body) {
  const std::string text = body.empty() ? std::string() : json::serialize(body);
  if (token_.empty()) co_await log_in();
  Reply reply = co_await send({method, path, text, {}});
  if (reply.answer.status != 401) co_return reply;
  token_.clear();
  co_await log_in();
  co_return co_await send({method, path, text, {}});
}

template <class T>
Task<Reply> User::change(Possible<T>& what, T value, std::string method, std::string path,
                         json::object body) {
  const auto wish = what.wish(std::move(value));
  Reply reply = co_await ask(std::move(method), std::move(path), std::move(body));
  what.settle(wish, reply.fate);
  if (reply.fate == Fate::done) parts_.acknowledged(app_);
  co_return reply;
}

template <class T>
Task<Reply> User::insist(Possible<T>& what, T value, std::string method, std::string path,
                         json::object body) {
  for (int attempt = 1;; ++attempt) {
    Reply reply = co_await change(what, value, method, path, body);
    const bool clear = reply.fate == Fate::done || reply.answer.status / 100 == 4;
    if (clear || gone_ || attempt == kAttempts || !co_await try_again()) co_return reply;
  }
}

Task<bool> User::try_again() {
  if (below(4) == 0) co_return false;
  co_return (co_await async::sleep(1s)).has_value();
}

Task<bool> User::job_done(Reply accepted) {
  const std::string job(accepted.answer.headers.get("Location").value_or(""));
  if (!job.starts_with(kApiUrl)) {
    parts_.violated("an accepted request names no job");
    co_return false;
  }
  for (int poll = 0; poll < kJobPolls; ++poll) {
    const Reply reply = co_await ask("GET", job.substr(std::string_view(kApiUrl).size()));
    if (reply.text("/state") == "COMPLETE") co_return true;
    if (reply.answer.status == 404) parts_.violated("an accepted request's job is lost");
    if (reply.fate != Fate::done && !co_await async::sleep(1s)) break;
  }
  co_return false;
}

Task<void> User::create() {
  while (app_.empty()) {
    // Another name each time: one that got no answer may be taken.
    const Reply made = co_await ask(
        "POST", "/v3/apps",
        json::object{
            {"name", name_ + "-" + some_text()},
            {"relationships", json::object{{"space", relation(parts_.platform.space.str())}}}});
    if (made.fate == Fate::done) {
      app_ = AppGuid(made.text("/guid"));
      auto& instances = parts_.expected[app_].instances;
      instances.emplace("web", 1);
      instances.emplace("worker", 0);
      parts_.acknowledged(app_);
    } else if (!co_await async::sleep(1s)) {
      co_return;
    }
  }
  co_await add_route();
  const int web = static_cast<int>(below(4));
  if (web != 1) co_await scale("web", web);
}

Task<void> User::ask_to(Ask what) {
  static constexpr std::string_view kPaths[] = {"/actions/start", "/actions/stop",
                                                "/actions/restart"};
  co_await insist(expected().state,
                  what == Ask::stop ? model::AppState::stopped : model::AppState::started, "POST",
                  app_path(kPaths[static_cast<std::size_t>(what)]));
}

Task<void> User::scale(std::string type, int instances) {
  co_await insist(expected().instances.at(type), instances, "POST",
                  app_path("/processes/" + type + "/actions/scale"),
                  json::object{{"instances", instances}});
}

Task<void> User::deploy(std::string droplet, std::string strategy) {
  json::object body{{"relationships", json::object{{"app", relation(app_.str())}}}};
  if (!droplet.empty()) body["droplet"] = named(droplet);
  if (!strategy.empty()) body["strategy"] = strategy;
  const Reply begun = co_await insist(expected().state, model::AppState::started, "POST",
                                      "/v3/deployments", std::move(body));
  if (begun.fate != Fate::done) co_return;
  const std::string guid = begun.text("/guid");
  expected().deployments.insert(guid);
  parts_.acknowledged(app_);
  if (below(2) == 0) co_await ask("GET", "/v3/deployments/" + guid);
}

Task<void> User::set_env() {
  const std::string value = some_text();
  const Reply changed =
      co_await insist(expected().value, value, "PATCH", app_path("/environment_variables"),
                      json::object{{"var", json::object{{"V", value}}}});
  if (changed.fate != Fate::done) co_return;
  const Reply app = co_await ask("GET", app_path());
  if (app.text("/state") == "STARTED") co_await deploy("", "");
}

Task<void> User::cancel_deployment() {
  const Reply list =
      co_await ask("GET", "/v3/deployments?app_guids=" + app_.str() + "&status_values=ACTIVE");
  const std::string guid = list.text("/resources/0/guid");
  if (guid.empty()) co_return;
  const Reply reply = co_await ask("POST", "/v3/deployments/" + guid + "/actions/cancel");
  if (reply.fate == Fate::done) expected().cancelled.insert(guid);
}

Task<void> User::add_route() {
  const Reply made = co_await ask(
      "POST", "/v3/routes",
      json::object{
          {"host", name_ + "-" + some_text()},
          {"relationships", json::object{{"space", relation(parts_.platform.space.str())},
                                         {"domain", relation(parts_.platform.domain.str())}}}});
  if (made.fate != Fate::done) co_return;
  const RouteGuid guid(made.text("/guid"));
  ExpectedRoute& route = expected().routes[guid];
  parts_.acknowledged(app_);
  co_await insist(route.mapped, true, "POST", "/v3/routes/" + guid.str() + "/destinations",
                  destinations({json::object{{"app", named(app_.str())}}}));
}

Task<void> User::change_route() {
  auto& routes = expected().routes;
  if (routes.empty()) co_return;
  auto it = routes.begin();
  std::advance(it, static_cast<std::ptrdiff_t>(below(routes.size())));
  auto& [guid, route] = *it;
  const std::string path = "/v3/routes/" + guid.str();
  if (below(2) == 0) {
    co_await insist(route.mapped, false, "PATCH", path + "/destinations", destinations({}));
    co_return;
  }
  const Reply deleted = co_await insist(route.there, false, "DELETE", path);
  if (deleted.fate != Fate::done || !co_await job_done(deleted)) co_return;
  const Reply seen = co_await ask("GET", path);
  if (seen.fate == Fate::done) parts_.violated("the deleted route " + brief(guid) + " is there");
}

Task<void> User::delete_app() {
  const Reply deleted = co_await insist(expected().deleted, true, "DELETE", app_path());
  if (deleted.fate != Fate::done) co_return;
  if (below(3) == 0) co_return;  // and goes on with it
  gone_ = co_await job_done(deleted);
  if (gone_) parts_.deleted(app_);
}

Task<void> User::act() {
  const auto roll = below(100);
  if (roll < 26) co_return co_await push();
  if (roll < 33) co_return co_await push_side_by_side();
  if (roll < 42)
    co_await ask_to(Ask::start);
  else if (roll < 51)
    co_await ask_to(Ask::stop);
  else if (roll < 58)
    co_await ask_to(Ask::restart);
  else if (roll < 63)
    co_await deploy("", below(3) == 0 ? "rolling" : "recreate");
  else if (roll < 77)
    co_await scale(below(3) == 0 ? "worker" : "web", static_cast<int>(below(4)));
  else
    co_await act_rarely(roll);
}

Task<void> User::act_rarely(std::uint64_t roll) {
  if (roll < 85) co_return co_await set_env();
  if (roll < 89) co_return co_await cancel_deployment();
  if (roll < 92) co_return co_await add_route();
  if (roll < 95) co_return co_await change_route();
  co_await delete_app();
}

Task<void> User::pause() {
  (void)co_await async::sleep(Duration(
      static_cast<std::int64_t>(below(static_cast<std::uint64_t>(longest_pause_.count())))));
}

Task<void> User::live() {
  co_await create();
  co_await push();
  for (auto actions = 1 + below(5); actions > 0 && !gone_; --actions) {
    co_await pause();
    co_await act();
  }
}

}  // namespace nuri::sim
