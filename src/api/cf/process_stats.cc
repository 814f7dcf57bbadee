// What runs of a process: its instances' rows, and what the engine measures of them.

#include <charconv>
#include <map>

#include "api/cf/apps.h"
#include "api/cf/processes.h"
#include "api/cf/resources.h"
#include "async/deadline.h"
#include "async/task_group.h"
#include "model/instance.h"
#include "model/release.h"

namespace nuri::api {
namespace {

using model::App;
using model::Deployment;
using model::Instance;
using model::InstanceState;
using model::Process;
using store::Query;

// The instance of an index; without one, what stands in its place.
struct Place {
  int index = 0;
  std::optional<Instance> instance;
  std::optional<engine::Stats> stats;
};

struct Places {
  Process process;
  bool rolling = false;  // a deployment is under way
  std::vector<Place> all;
};

std::optional<Deployment> active_deployment(store::Reader& reader, const AppGuid& app) {
  auto found = reader.all(Query<Deployment>()
                              .where(&Deployment::app, app)
                              .where(&Deployment::state, model::DeploymentState::active)
                              .order_by(&Deployment::created_at, store::Order::descending));
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

// One instance an index: that which serves, else that which is to take its place.
std::map<int, Instance> instances_of(store::Reader& reader, const App& app, const Process& process,
                                     const std::optional<Deployment>& active) {
  std::map<int, Instance> out;
  for (auto& row : reader.all(Query<Instance>().where(&Instance::process, process.guid))) {
    const bool current = row.deployment == app.current_deployment;
    if (!current && !(active && row.deployment == active->guid)) continue;
    const int index = row.index;
    if (current)
      out.insert_or_assign(index, std::move(row));
    else
      out.try_emplace(index, std::move(row));
  }
  return out;
}

Places places_of(store::Reader& reader, Process process) {
  const App app = reader.get(process.app);
  const auto active = active_deployment(reader, app.guid);
  auto rows = instances_of(reader, app, process, active);
  Places out{std::move(process), active.has_value(), {}};
  // A started app has all its places, so that a client sees what is still missing.
  if (app.state == model::AppState::started && (active || app.current_deployment))
    for (int index = 0; index < out.process.instances; ++index)
      if (!rows.contains(index)) out.all.push_back({index, {}, {}});
  for (auto& [index, row] : rows) out.all.push_back({index, std::move(row), {}});
  std::ranges::sort(out.all, {}, &Place::index);
  return out;
}

std::string details_of(const Instance& instance) {
  // A STARTING one keeps why the one before it ended.
  if (instance.state == InstanceState::crashed) return model::describe(instance.exit);
  if (instance.state != InstanceState::starting || instance.exit.reason == model::ExitReason::none)
    return {};
  return "Starting again. Before: " + model::describe(instance.exit);
}

std::int64_t uptime_s(const Instance& instance, WallTime now) {
  const bool runs =
      instance.state == InstanceState::running || instance.state == InstanceState::starting;
  const WallTime since = runs && instance.started_at ? *instance.started_at : instance.since;
  return std::max<std::int64_t>(
      0, std::chrono::duration_cast<std::chrono::seconds>(now - since).count());
}

json::object usage_json(const engine::Stats& stats, WallTime now) {
  return {{"time", rfc3339(now)},      {"cpu", stats.cpu},         {"cpu_entitlement", nullptr},
          {"mem", stats.memory_bytes}, {"disk", stats.disk_bytes}, {"log_rate", 0}};
}

json::object place_json(const Places& places, const Place& place, WallTime now) {
  constexpr std::int64_t kMb = 1024 * 1024;
  const Process& process = places.process;
  const InstanceState missing = places.rolling ? InstanceState::starting : InstanceState::down;
  json::object out{{"type", process.type},
                   {"index", place.index},
                   {"state", model::to_text(place.instance ? place.instance->state : missing)},
                   {"isolation_segment", nullptr},
                   {"details", nullptr}};
  if (!place.instance) {
    out["uptime"] = 0;
    return out;
  }
  const Instance& instance = *place.instance;
  json::array ports;
  for (const int port : instance.ports) ports.emplace_back(port);
  out["instance_guid"] = instance.guid.str();
  out["routable"] = instance.routable;
  out["uptime"] = uptime_s(instance, now);
  out["mem_quota"] = process.memory_mb * kMb;
  out["disk_quota"] = process.disk_mb * kMb;
  out["log_rate_limit"] = process.log_rate_limit_bytes;
  out["fds_quota"] = 16384;
  out["listening_ports"] = std::move(ports);
  out["crash_count"] = instance.crash_count;
  out["usage"] = place.stats ? usage_json(*place.stats, now) : json::object();
  if (const std::string details = details_of(instance); !details.empty()) out["details"] = details;
  return out;
}

// Takes place after place that is left, until there are none or the time is up.
Task<void> measure(engine::Engine& engine, std::vector<Place>& places, std::size_t& next) {
  while (next < places.size()) {
    Place& place = places[next++];
    if (!place.instance || place.instance->state != InstanceState::running) continue;
    try {
      place.stats = co_await engine.stats(place.instance->guid);
    } catch (const Error&) {
      // What cannot be measured is not shown: the instances themselves are known from their rows.
    }
  }
}

Task<void> measure_all(async::Loop& loop, engine::Engine& engine, std::vector<Place>& places) {
  async::TaskGroup group(loop);
  std::size_t next = 0;
  for (std::size_t i = 0; i < std::min(limits::kStatsAtOnce, places.size()); ++i)
    group.spawn(measure(engine, places, next));
  co_await group.join();
}

Task<void> get_stats(Call call, ProcessName name) {
  Places places = co_await call.parts.store.read([user = call.user, name](store::Reader& reader) {
    return places_of(reader, require_process(reader, user, name, Access::read));
  });
  co_await async::within(limits::kStatsDeadline,
                         measure_all(call.parts.loop, call.parts.engine, places.all));
  const WallTime now = call.parts.loop.wall();
  json::array resources;
  for (const Place& place : places.all) resources.push_back(place_json(places, place, now));
  co_await call.answer(200, json::object{{"resources", std::move(resources)}});
}

[[noreturn]] void no_instance() { throw Error(Code::not_found, "Instance not found"); }

int index_in(const std::string& text) {
  int index = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (error != std::errc() || end != text.data() + text.size() || index < 0) no_instance();
  return index;
}

struct Ending {
  InstanceGuid guid;
  Duration grace{};
};

// The reconciler sees it end and starts another.
Task<void> stop_instance(Call call, ProcessName name) {
  const int index = index_in(call.params["index"]);
  const Ending ending =
      co_await call.parts.store.write([act = act_of(call), name, index](store::Writer& tx) {
        const Process process = require_process(tx, act.user, name, Access::write);
        for (const Place& place : places_of(tx, process).all) {
          if (place.index != index || !place.instance) continue;
          audit(tx, act, "audit.app.process.terminate_instance", tx.get(process.app),
                {{"process_guid", process.guid.str()},
                 {"process_type", process.type},
                 {"process_index", index}});
          return Ending{place.instance->guid, std::chrono::seconds(process.stop_grace_s)};
        }
        no_instance();
      });
  co_await call.parts.engine.stop(ending.guid, ending.grace);
  co_await call.answer_empty(204);
}

}  // namespace

void add_process_stats(Routes& routes) {
  add_process(routes, "GET", "/stats", get_stats);
  add_process(routes, "DELETE", "/instances/:index", stop_instance);
}

}  // namespace nuri::api
