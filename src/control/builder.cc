#include "control/builder.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "model/release.h"
#include "model/source.h"

namespace nuri::control {
namespace {

using store::Query;

constexpr Duration kRetry = 1s;
constexpr Duration kSweepDeadline = 60s;

struct BuildRows {
  model::Build build;
  model::App app;
  model::Package package;
  std::optional<Digest> previous_image;
};

struct Unfinished {
  std::vector<BuildGuid> staging;  // oldest first
  std::vector<BuildGuid> ended;    // of which something may be left
};

Unfinished unfinished(store::Reader& reader) {
  Unfinished out;
  for (const auto& build : reader.all(Query<model::Build>()
                                          .none(&model::Build::step, {model::BuildStep::done})
                                          .order_by(&model::Build::created_at)))
    (build.state == model::BuildState::staging ? out.staging : out.ended).push_back(build.guid);
  return out;
}

std::optional<BuildRows> load(store::Reader& reader, const BuildGuid& guid) {
  const auto build = reader.find(guid);
  const auto app = build ? reader.find(build->app) : std::nullopt;
  if (!app || build->state != model::BuildState::staging) return std::nullopt;
  BuildRows rows{*build, *app, {}, {}};
  const auto package = reader.find(build->package);
  if (package) rows.package = *package;
  const auto latest =
      reader.first(Query<model::Droplet>()
                       .where(&model::Droplet::app, app->guid)
                       .where(&model::Droplet::state, model::DropletState::staged)
                       .order_by(&model::Droplet::created_at, store::Order::descending));
  if (latest && !latest->image.empty()) rows.previous_image = latest->image;
  return rows;
}

// A scope for what the engine does of one build, known under `place` meanwhile.
class InEngine {
 public:
  InEngine(async::Scope*& place, async::Scope& parent) : scope_(parent), place_(place) {
    place_ = &scope_;
  }
  ~InEngine() { place_ = nullptr; }
  async::Scope& scope() const { return scope_; }

 private:
  mutable async::Scope scope_;
  async::Scope*& place_;
};

engine::BuildSpec spec_of(const BuildRows& rows) {
  engine::BuildSpec spec;
  spec.guid = rows.build.guid;
  spec.app = rows.app.guid;
  spec.app_name = rows.app.name;
  spec.package = rows.package.files;
  spec.buildpacks = rows.build.lifecycle.buildpacks;
  spec.env.assign(rows.app.env.begin(), rows.app.env.end());
  spec.previous_image = rows.previous_image;
  spec.memory_mb = rows.build.memory_mb;
  spec.disk_mb = rows.build.disk_mb;
  return spec;
}

}  // namespace

Task<void> Builder::follow_rows(store::Follower& rows) {
  while (co_await rows.next()) {
    look_ = true;
    something_.pulse();
  }
}

Task<void> Builder::run() {
  async::Scope& scope = co_await async::current_scope();
  const auto follower = parts_.store.follow({store::Noun::build});
  builds_.spawn(follow_rows(*follower));
  while (!scope.cancelled()) {
    if (!look_) {
      if (!co_await something_.wait()) break;
      continue;
    }
    look_ = false;
    try {
      co_await take_up();
    } catch (const std::exception& error) {
      if (!scope.cancelled()) log_error("cannot take up builds", {{"error", error.what()}});
      look_ = true;
    }
    if (look_ && !co_await async::sleep(kRetry)) break;
  }
  builds_.cancel();
  co_await builds_.join();
}

Task<void> Builder::take_up() {
  auto [staging, ended] = co_await parts_.store.read(unfinished);
  for (const auto& [guid, engine] : running_)
    if (engine && std::ranges::find(staging, guid) == staging.end()) engine->cancel();
  for (const BuildGuid& guid : staging) {
    if (running_.size() >= parts_.at_once) break;
    if (running_.emplace(guid, nullptr).second) builds_.spawn(carry_out(guid));
  }
  std::erase_if(ended, [&](const BuildGuid& guid) { return running_.contains(guid); });
  co_await sweep(std::move(ended));
}

Task<void> Builder::sweep(std::vector<BuildGuid> ended) {
  for (const engine::Observed& one :
       co_await async::within(kSweepDeadline, parts_.engine.observe()))
    if (one.build && !running_.contains(BuildGuid(one.guid.str())))
      co_await async::within(kSweepDeadline, parts_.engine.remove(one.guid));
  // Also those that are not seen: their start may still be on its way.
  for (const BuildGuid& guid : ended)
    co_await async::within(kSweepDeadline, parts_.engine.remove(InstanceGuid(guid.str())));
  if (ended.empty()) co_return;
  co_await parts_.store.write([ended = std::move(ended)](store::Writer& tx) {
    for (const BuildGuid& guid : ended)
      if (tx.find(guid))
        tx.change(guid, [](model::Build& build) { build.step = model::BuildStep::done; });
  });
}

Task<void> Builder::carry_out(BuildGuid guid) {
  async::Scope& scope = co_await async::current_scope();
  for (bool again = true; again;) {
    again = false;
    try {
      co_await build(guid);
    } catch (const std::exception& error) {
      again = !scope.cancelled();
      if (again)
        log_error("a build is tried again", {{"build", guid.str()}, {"error", error.what()}});
    }
    if (again && !co_await async::sleep(kRetry)) again = false;
  }
  running_.erase(guid);
  look_ = true;
  something_.pulse();
}

Task<void> Builder::build(BuildGuid guid) {
  auto rows =
      co_await parts_.store.read([guid](store::Reader& reader) { return load(reader, guid); });
  if (!rows) co_return;
  const AppGuid app = rows->app.guid;
  if (rows->package.files.empty()) {
    co_await fail(guid, app, "the package of this build is gone: push again");
    co_return;
  }
  co_await parts_.store.write([guid](store::Writer& tx) {
    tx.change(guid, [](model::Build& build) {
      if (build.state == model::BuildState::staging) build.step = model::BuildStep::running;
    });
  });
  std::optional<engine::BuildResult> result;
  std::string why;
  const Time began = parts_.loop.now();
  try {
    const InEngine here(running_[guid], co_await async::current_scope());
    result =
        co_await async::within(parts_.limit, parts_.engine.build(spec_of(*rows))).in(here.scope());
  } catch (const Error& error) {
    // The engine is away, this server stops, or the build was cut short: what is still STAGING is
    // taken up again.
    if (error.code() == Code::unavailable || error.code() == Code::cancelled) throw;
    // Something that a build waits for has limits of its own.
    why = error.code() == Code::timeout && parts_.loop.now() - began >= parts_.limit
              ? fmt::format("the build took longer than {} minutes",
                            std::chrono::duration_cast<std::chrono::minutes>(parts_.limit).count())
              : error.message();
    // The word of Cloud Foundry's stager for it, which clients know.
    if (error.code() == Code::no_space) why = "InsufficientResources - " + why;
  }
  if (result)
    co_await succeed(guid, std::move(*result));
  else
    co_await fail(guid, app, std::move(why));
}

Task<void> Builder::fail(BuildGuid guid, AppGuid app, std::string why) {
  co_await parts_.log.write(app, "Build failed: " + why, 0, "STG");
  co_await parts_.store.write([guid, why, now = parts_.loop.wall()](store::Writer& tx) {
    const auto row = tx.find(guid);
    if (!row || row->state != model::BuildState::staging) return;
    tx.change(guid, [&](model::Build& build) {
      build.state = model::BuildState::failed;
      build.step = model::BuildStep::done;
      build.error = why;
      build.updated_at = now;
    });
  });
}

Task<void> Builder::succeed(BuildGuid guid, engine::BuildResult result) {
  model::Droplet droplet;
  droplet.guid = DropletGuid::make(parts_.random);
  droplet.image = result.image;
  droplet.stack = "nuri";
  droplet.process_types = std::move(result.process_types);
  droplet.buildpacks = std::move(result.buildpacks);
  droplet.size_bytes = static_cast<std::int64_t>(result.size_bytes);
  droplet.created_at = droplet.updated_at = parts_.loop.wall();
  co_await parts_.store.write([guid, droplet](store::Writer& tx) mutable {
    auto build = tx.find(guid);
    if (!build || build->state != model::BuildState::staging) return;
    droplet.app = build->app;
    droplet.package = build->package;
    tx.insert(droplet);
    build->state = model::BuildState::staged;
    build->step = model::BuildStep::done;
    build->droplet = droplet.guid;
    build->updated_at = droplet.created_at;
    tx.update(*build);
  });
}

}  // namespace nuri::control
