#include "user.h"

namespace nuri::sim {
namespace {

constexpr int kAttempts = 4;
constexpr int kBuildPolls = 90;

engine::Behaviour some_behaviour(Random& random) {
  const auto roll = random.below(100);
  if (roll < 55) return engine::Behaviour::healthy;
  if (roll < 68) return engine::Behaviour::slow_start;
  if (roll < 78) return engine::Behaviour::never_listens;
  if (roll < 90) return engine::Behaviour::exits_at_once;
  return engine::Behaviour::crashes_later;
}

}  // namespace

void Line::cut() {
  server_ = nullptr;
  for (const auto& exchange : open_) exchange->answered.set();
  open_.clear();
}

template <class Body>
Task<void> User::insist(std::string what, Body body) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const auto answer = co_await parts_.line.write(body);
    parts_.trace.note("{}: {}: {}", name_, what,
                      answer ? "done" : std::string(answer.error().message()));
    if (answer) co_return;
    if (answer.error().code() == Code::not_found) {
      gone_ = true;
      co_return;
    }
    // Some give up, not knowing whether it was done.
    if (below(4) == 0) co_return;
    if (!co_await async::sleep(1s)) co_return;
  }
}

Task<void> User::create() {
  std::vector<ProcessWish> processes{
      {"web", 1 + static_cast<int>(below(3)), model::HealthCheckType::port}};
  if (below(3) == 0)
    processes.push_back({"worker", static_cast<int>(below(3)), model::HealthCheckType::process});
  while (app_.empty()) {
    // Another name each time: one that got no answer may be taken.
    const std::string name = name_ + "-" + std::to_string(below(1'000'000));
    const auto app =
        co_await parts_.line.write([desk = parts_.desk, name, processes](store::Writer& tx) {
          return create_app(tx, desk, name, processes);
        });
    if (app) {
      app_ = *app;
      parts_.trace.note("{}: created app {}", name_, brief(app_));
    } else if (!co_await async::sleep(1s)) {
      co_return;
    }
  }
}

Task<bool> User::built(BuildGuid build) {
  for (int poll = 0; poll < kBuildPolls; ++poll) {
    const auto row =
        co_await parts_.line.read([build](store::Reader& reader) { return reader.find(build); });
    if (row && !*row) co_return false;
    if (row && (*row)->state != model::BuildState::staging)
      co_return (*row)->state == model::BuildState::staged;
    if (!co_await async::sleep(1s)) co_return false;
  }
  co_return false;
}

Task<void> User::push() {
  const Digest files = Digest::of(make_guid_text(parts_.desk.random));
  const auto behaviour = some_behaviour(parts_.desk.random);
  parts_.machine.behave(parts_.machine.image_of(files), behaviour);
  const auto build =
      co_await parts_.line.write([desk = parts_.desk, app = app_, files](store::Writer& tx) {
        return begin_push(tx, desk, app, files);
      });
  parts_.trace.note("{}: push of behaviour {}: {}", name_, static_cast<int>(behaviour),
                    build ? brief(*build) : std::string(build.error().message()));
  if (!build) co_return;
  // Ctrl-C at times.
  if (below(12) == 0 || !co_await built(*build)) co_return;
  co_await insist("deploy what " + brief(*build) + " made",
                  [desk = parts_.desk, guid = *build](store::Writer& tx) {
                    return finish_push(tx, desk, guid);
                  });
}

Task<void> User::push_twice() {
  async::TaskGroup both(co_await async::current_scope());
  both.spawn(push());
  both.spawn(push());
  co_await both.join();
}

Task<void> User::act() {
  const auto roll = below(100);
  if (roll < 30) co_return co_await push();
  if (roll < 38) co_return co_await push_twice();
  const Desk desk = parts_.desk;
  const AppGuid app = app_;
  if (roll < 48)
    co_await insist("start", [=](store::Writer& tx) { return start_app(tx, desk, app); });
  else if (roll < 58)
    co_await insist("stop", [=](store::Writer& tx) { return stop_app(tx, desk, app); });
  else if (roll < 70)
    co_await insist("restart", [=](store::Writer& tx) { return restart_app(tx, desk, app); });
  else if (roll < 83) {
    const int n = static_cast<int>(below(4));
    const std::string type = below(4) == 0 ? "worker" : "web";
    co_await insist("scale " + type + " to " + std::to_string(n),
                    [=](store::Writer& tx) { return scale(tx, desk, app, type, n); });
  } else if (roll < 92) {
    const std::string value = std::to_string(below(1'000'000));
    co_await insist("set-env", [=](store::Writer& tx) { return set_env(tx, desk, app, value); });
  } else if (roll < 95) {
    co_await insist("cancel", [=](store::Writer& tx) { return cancel_deployment(tx, desk, app); });
  } else {
    co_await insist("delete", [=](store::Writer& tx) { return delete_app(tx, desk, app); });
  }
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
