#include "control/builder.h"

#include <fmt/format.h>

#include "base/log.h"
#include "model/release.h"
#include "model/source.h"

namespace nuri::control {
namespace {

using store::Query;

constexpr Duration kRetry = 1s;

struct BuildRows {
  model::Build build;
  model::App app;
  model::Package package;
  std::optional<Digest> previous_image;
};

std::vector<BuildGuid> waiting(store::Reader& reader) {
  std::vector<BuildGuid> out;
  for (const auto& build : reader.all(Query<model::Build>()
                                          .where(&model::Build::state, model::BuildState::staging)
                                          .order_by(&model::Build::created_at)))
    out.push_back(build.guid);
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

Task<void> Builder::run() {
  auto follower = parts_.store.follow({store::Noun::build});
  for (;;) {
    bool failed = false;
    try {
      co_await take_up();
    } catch (const Error& error) {
      log_error("cannot take up builds", {{"error", error.message()}});
      failed = true;
    }
    if (failed) {
      if (!co_await async::sleep(kRetry)) break;
      continue;
    }
    if (!co_await follower->next()) break;
  }
  builds_.cancel();
  co_await builds_.join();
}

Task<void> Builder::take_up() {
  for (const BuildGuid& guid : co_await parts_.store.read(waiting)) {
    if (running_.contains(guid)) continue;
    while (running_.size() >= parts_.at_once)
      if (!co_await ended_.wait()) co_return;
    running_.insert(guid);
    builds_.spawn(carry_out(guid));
  }
}

Task<void> Builder::carry_out(BuildGuid guid) {
  for (bool again = true; again;) {
    again = false;
    try {
      co_await build(guid);
    } catch (const Error& error) {
      log_error("a build is tried again", {{"build", guid.str()}, {"error", error.message()}});
      again = error.code() != Code::cancelled;
    }
    if (again && !co_await async::sleep(kRetry)) again = false;
  }
  running_.erase(guid);
  ended_.pulse();
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
    tx.change(guid, [](model::Build& build) { build.step = model::BuildStep::running; });
  });
  std::optional<engine::BuildResult> result;
  std::string why;
  try {
    result = co_await async::within(parts_.limit, parts_.engine.build(spec_of(*rows)));
  } catch (const Error& error) {
    // The engine is away, or this server stops: the row stays, and the build is taken up again.
    if (error.code() == Code::unavailable || error.code() == Code::cancelled) throw;
    why = error.code() == Code::timeout
              ? fmt::format("the build took longer than {} minutes",
                            std::chrono::duration_cast<std::chrono::minutes>(parts_.limit).count())
              : error.message();
  }
  if (result)
    co_await succeed(guid, std::move(*result));
  else
    co_await fail(guid, app, std::move(why));
}

Task<void> Builder::fail(BuildGuid guid, AppGuid app, std::string why) {
  co_await parts_.log.write(app, "Build failed: " + why, 0, "STG");
  co_await parts_.store.write([guid, why, now = parts_.loop.wall()](store::Writer& tx) {
    if (!tx.find(guid)) return;
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
