#include "history.h"

#include <fmt/format.h>

#include <optional>

#include "image/scratch_folder.h"
#include "invariants.h"
#include "settled.h"
#include "user.h"

namespace nuri::sim {
namespace {

constexpr Duration kLongestLife = std::chrono::minutes(30);    // of the users
constexpr Duration kLongestRepair = std::chrono::minutes(30);  // after the last fault
constexpr Duration kLongestEnd = std::chrono::minutes(3);
// What a client or a build has just stored and no row points to yet is spared for so long.
constexpr Duration kBlobGrace = std::chrono::seconds(30);
constexpr std::uint64_t kMostSteps = 2'000'000;

const std::string& upload_dir() {
  static const image::ScratchFolder folder;
  static const std::string path = folder.path().string();
  return path;
}

class History {
 public:
  History(std::uint64_t seed, KeepTrace keep)
      : loop_(seed), random_(seed ^ 0x6e757269), trace_(loop_, keep == KeepTrace::yes) {
    outcome_.seed = seed;
    choose_faults();
  }

  Outcome run() {
    store::MemoryStore first;
    first.write([&](store::Writer& tx) {
      identity::FakePasswordHash hash;
      platform_ = found(tx, random_, loop_.wall(), hash);
    });
    boot(first.snapshot());
    live();
    if (well()) repair();
    if (well()) end();
    outcome_.hash = trace_.hash();
    outcome_.steps = loop_.steps();
    outcome_.seconds = static_cast<double>(loop_.now().ns) / 1e9;
    outcome_.trace = trace_.lines();
    return std::move(outcome_);
  }

 private:
  bool well() const { return outcome_.violation.empty(); }
  void violated(std::string what) {
    if (what.empty() || !well()) return;
    trace_.note("VIOLATION: {}", what);
    outcome_.violation = std::move(what);
  }
  unsigned some(unsigned bound) { return static_cast<unsigned>(random_.below(bound)); }

  void choose_faults() {
    auto& engine = machine_.faults;
    switch (some(4)) {
      case 0:
        break;
      case 1:
        engine = {some(10), some(10), some(30), 0, some(20)};
        break;
      case 2:
        engine = {some(40), some(40), some(60), some(10), some(40)};
        break;
      default:
        engine = {0, some(5), some(100), some(3), some(10)};
        engine.slowest_call = std::chrono::milliseconds(5 + some(5000));
    }
    if (some(2) == 0) store_faults_ = {some(5), some(5), some(8)};
    if (some(3) == 0) router_.unreachable = some(20);
    crashes_left_ = some(3) == 0 ? 0 : some(5);
    collect_every_ = std::chrono::seconds(4 + some(some(2) == 0 ? 10 : 60));
    kill_every_ = some(3) == 0 ? 0ns : Duration(std::chrono::seconds(2 + some(60)));
  }

  void boot(const store::MemoryDisk& disk) {
    auto committed = [this](store::Store& truth, const store::Changes& changes) {
      for (const auto& change : changes)
        trace_.note("commit {} {}", static_cast<int>(change.noun), change.guid.substr(0, 8));
      truth.read([&](store::Reader& reader) { violated(rules_.after_commit(reader, changes)); });
    };
    const Outside outside{loop_,
                          machine_,
                          machine_disk_,
                          router_,
                          blobs_,
                          logs_,
                          random_,
                          platform_,
                          upload_dir(),
                          collect_every_,
                          [this](std::string what) { violated(std::move(what)); }};
    server_ = std::make_unique<SimulatedServer>(
        outside, std::make_unique<FaultyStore>(disk, random_, store_faults_, std::move(committed)));
    line_.connect(*server_);
    static constexpr std::uint64_t kSoon[] = {40, 400, 4000, 20000};
    crash_at_ = crashes_left_ > 0 ? loop_.steps() + random_.below(kSoon[some(4)]) : UINT64_MAX;
  }

  void crash() {
    trace_.note("the server dies");
    ++outcome_.crashes;
    --crashes_left_;
    const store::MemoryDisk disk = server_->disk().snapshot();
    line_.cut();
    server_.reset();
    crash_at_ = UINT64_MAX;
    const Duration down = std::chrono::milliseconds(some(2) == 0 ? some(100) : some(20'000));
    drive(loop_.now() + down, [] { return false; });
    trace_.note("a server is started");
    boot(disk);
  }

  // A check of the rows as they are; none while no server lives.
  template <class Check>
  void look(Check check) {
    if (server_) violated(server_->disk().truth().read(check));
  }

  // Until `until` or `ended`; also if something was violated.
  template <class Ended>
  void drive(Time until, Ended ended) {
    auto stop = [&] {
      if (const auto done = machine_.starts + machine_.stops + machine_.builds; done != judged_) {
        judged_ = done;
        look([&](store::Reader& reader) { return machine_rules(reader, machine_, router_); });
      }
      if (loop_.steps() > kMostSteps) violated("there is no end of steps");
      return !well() || loop_.steps() >= crash_at_ || ended();
    };
    for (;;) {
      loop_.drive(until, stop);
      if (!well() || loop_.steps() < crash_at_) return;
      crash();
    }
  }

  static Task<void> gremlin(History& history) {
    while (co_await async::sleep(Duration(static_cast<std::int64_t>(
        history.random_.below(static_cast<std::uint64_t>(2 * history.kill_every_.count())))))) {
      const auto& all = history.machine_.sandboxes();
      if (all.empty()) continue;
      auto victim = all.begin();
      std::advance(victim, static_cast<std::ptrdiff_t>(history.random_.below(all.size())));
      if (victim->second.exit || victim->second.build) continue;
      history.trace_.note("sandbox {} is killed", brief(victim->first));
      history.machine_.kill(victim->first, history.loop_.now());
    }
  }

  // What was just asked for is half done then.
  void maybe_crash_soon() {
    if (crashes_left_ == 0 || !random_.chance(8)) return;
    crash_at_ = std::min(crash_at_, loop_.steps() + random_.below(60));
  }

  UserParts user_parts() {
    return {
        random_,
        line_,
        platform_,
        expected_,
        trace_,
        [this](const AppGuid& app) {
          look([&](store::Reader& reader) { return lost_write(reader, app, expected_.at(app)); });
          maybe_crash_soon();
        },
        [this](const AppGuid& app) {
          look([&](store::Reader& reader) { return left_of_app(reader, app); });
        },
        [this](std::string what) { violated(std::move(what)); }};
  }

  void live() {
    std::vector<std::unique_ptr<User>> users;
    async::TaskGroup people(loop_), trouble(loop_);
    static constexpr unsigned kPauses[] = {200, 3'000, 40'000};
    const Duration pause = std::chrono::milliseconds(kPauses[some(3)]);
    for (unsigned n = 1 + some(2) + some(2); n > 0; --n) {
      users.push_back(std::make_unique<User>(user_parts(), "user" + std::to_string(n), pause));
      people.spawn(users.back()->live());
    }
    if (kill_every_ > 0ns) trouble.spawn(gremlin(*this));
    drive(loop_.now() + kLongestLife, [&] { return people.size() == 0; });
    if (well() && people.size() > 0) violated("a user still waits");
  }

  void repair() {
    trace_.note("the faults end");
    const Duration pace = machine_.faults.slowest_call;
    machine_.faults = {};
    machine_.faults.slowest_call = pace;
    store_faults_ = {};
    router_.unreachable = 0;
    crash_at_ = UINT64_MAX;
    faults_ended_ = loop_.wall();
    const Time limit = loop_.now() + kLongestRepair;
    const Duration until_collected = kBlobGrace + collect_every_;
    settle(unsettled, Duration(20s), limit);
    if (well()) drive(loop_.now() + until_collected, [] { return false; });
    settle(leaked, Duration(20s), limit + until_collected);
    settle(unsettled, Duration(1s), limit + until_collected);
  }

  // Until the judge has found nothing twice.
  void settle(std::string (*judge)(const Judged&), Duration pause, Time limit) {
    for (int settled = 0; settled < 2 && well();) {
      drive(loop_.now() + pause, [] { return false; });
      std::string wrong = server_->disk().truth().read([&](store::Reader& reader) {
        return judge(
            {reader, machine_, machine_disk_, router_, blobs_, logs_, expected_, faults_ended_});
      });
      settled = wrong.empty() ? settled + 1 : 0;
      if (!wrong.empty() && loop_.now() >= limit) violated(std::move(wrong));
    }
  }

  void end() {
    trace_.note("the server ends");
    {
      async::TaskGroup last(loop_);
      server_->cancel();
      last.spawn([](SimulatedServer& server) -> Task<void> { co_await server.join(); }(*server_));
      drive(loop_.now() + kLongestEnd, [&] { return last.size() == 0; });
      if (well() && last.size() > 0) violated("a task of the server does not end");
      drive(loop_.now(), [] { return false; });
    }
    line_.cut();
    server_.reset();
    if (!well()) return;
    const auto steps = loop_.steps();
    loop_.drive(kNever, [&] { return loop_.steps() > steps; });
    if (loop_.steps() > steps) violated("something is left on the loop");
  }

  Outcome outcome_;
  async::SimulatedLoop loop_;
  SeededRandom random_;
  Trace trace_;
  Platform platform_;
  Expected expected_;
  RowRules rules_;
  StoreFaults store_faults_;
  Duration kill_every_{}, collect_every_{};
  WallTime faults_ended_;
  unsigned crashes_left_ = 0;
  std::uint64_t crash_at_ = UINT64_MAX;
  std::size_t judged_ = 0;
  engine::FakeMachine machine_{random_};
  MachineDisk machine_disk_;
  FakeRouter router_{random_, trace_};
  image::MemoryBlobStore blobs_{loop_, kBlobGrace};
  telemetry::MemoryLogStore logs_;
  Line line_;
  std::unique_ptr<SimulatedServer> server_;
};

}  // namespace

Outcome run_history(std::uint64_t seed, KeepTrace keep) { return History(seed, keep).run(); }

}  // namespace nuri::sim
