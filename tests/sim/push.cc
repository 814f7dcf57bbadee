// A push as clients hold it: package, upload, build, and the roll-out of its droplet.

#include "base/guid.h"
#include "source_zip.h"
#include "user.h"

namespace nuri::sim {
namespace {

constexpr int kUploads = 4;
constexpr int kBuildPolls = 30;  // each is held for a while

json::object named(const std::string& guid) { return json::object{{"guid", guid}}; }

engine::Behaviour some_behaviour(Random& random) {
  const auto roll = random.below(100);
  if (roll < 55) return engine::Behaviour::healthy;
  if (roll < 68) return engine::Behaviour::slow_start;
  if (roll < 78) return engine::Behaviour::never_listens;
  if (roll < 90) return engine::Behaviour::exits_at_once;
  return engine::Behaviour::crashes_later;
}

std::map<std::string, std::string> some_source(Random& random) {
  std::map<std::string, std::string> out{
      {"id", make_guid_text(random)},
      {kBehaviourFile, std::to_string(static_cast<int>(some_behaviour(random)))}};
  if (random.below(3) == 0) out.emplace(kWorkerFile, "yes");
  return out;
}

}  // namespace

// The state in which the package ends: READY if all went well.
Task<std::string> User::upload(std::string package) {
  const std::string path = "/v3/packages/" + package;
  const std::string form = upload_form(some_source(parts_.random));
  for (int attempt = 0; attempt < kUploads; ++attempt) {
    if (token_.empty()) co_await log_in();
    const Reply sent = co_await send(
        {"POST", path + "/upload", form, {{"Content-Type", "multipart/form-data; boundary=sep"}}});
    if (sent.answer.status == 401) token_.clear();
    const Reply seen = co_await ask("GET", path + "?wait=false");
    const std::string state = seen.text("/state");
    if (sent.fate == Fate::done && seen.fate == Fate::done && state != "READY")
      parts_.violated("package " + package + " was uploaded and is " + state);
    if (seen.fate == Fate::done && state != "AWAITING_UPLOAD") co_return state;
    if (seen.answer.status == 404 || !co_await try_again()) break;
  }
  co_return "";
}

// The build's droplet; empty if it has none.
Task<std::string> User::build(std::string package) {
  const Reply begun = co_await ask("POST", "/v3/builds", json::object{{"package", named(package)}});
  if (begun.fate != Fate::done) co_return "";
  const std::string guid = begun.text("/guid");
  expected().builds.insert(guid);
  parts_.acknowledged(app_);
  for (int poll = 0; poll < kBuildPolls; ++poll) {
    if (below(20) == 0) co_return "";  // Ctrl-C
    const Reply seen = co_await ask("GET", "/v3/builds/" + guid);
    if (seen.answer.status == 404) co_return "";
    if (seen.fate == Fate::done && seen.text("/state") != "STAGING")
      co_return seen.text("/droplet/guid");
    if (seen.fate != Fate::done && !co_await async::sleep(1s)) co_return "";
  }
  co_return "";
}

Task<void> User::push() {
  const Reply made = co_await ask(
      "POST", "/v3/packages",
      json::object{
          {"type", "bits"},
          {"relationships", json::object{{"app", json::object{{"data", named(app_.str())}}}}}});
  if (made.fate != Fate::done || below(20) == 0) co_return;
  const std::string package = made.text("/guid");
  const std::string state = co_await upload(package);
  if (state != "READY" || below(20) == 0) co_return;
  const std::string droplet = co_await build(package);
  if (droplet.empty()) co_return;
  const Reply app = co_await ask("GET", app_path());
  if (app.text("/state") != "STOPPED") co_return co_await deploy(droplet, "");
  co_await ask("PATCH", app_path("/relationships/current_droplet"),
               json::object{{"data", named(droplet)}});
  co_await ask_to(Ask::start);
}

// More of them than builds run at a time, now and then.
Task<void> User::push_side_by_side() {
  async::TaskGroup all(co_await async::current_scope());
  for (auto n = below(3) == 0 ? 5 : 2; n > 0; --n) all.spawn(push());
  co_await all.join();
}

}  // namespace nuri::sim
