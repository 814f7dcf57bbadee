#include "control/collector.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "image/oci.h"
#include "image/package.h"
#include "model/job.h"
#include "model/release.h"
#include "model/source.h"

namespace nuri::control {
namespace {

using store::Order;
using store::Query;

constexpr std::size_t kDropletsPerApp = 5;  // that nothing runs, for roll-backs
constexpr std::size_t kPackagesPerApp = 2;  // that no droplet was made of
constexpr std::size_t kBuildsPerApp = 20;
constexpr std::size_t kDeploymentsPerApp = 50;
constexpr std::size_t kRevisionsPerApp = 100;
// A push is several requests: what one made, the next one finds.
constexpr Duration kPushAge = std::chrono::hours(1);
constexpr Duration kUploadAge = std::chrono::hours(24);  // of packages that never became READY
constexpr Duration kJobAge = std::chrono::hours(24);
constexpr Duration kEventAge = std::chrono::hours(24 * 31);
constexpr std::int64_t kEventsAtOnce = limits::kPerPage;
constexpr Duration kSourceFileAge = std::chrono::hours(24 * 30);
constexpr std::uint64_t kLogBytesPerApp = 64 * limits::kMiB;

struct Roots {
  std::vector<Digest> packages;
  std::set<Digest> files;  // single blobs: what spaces have uploaded
  std::set<Digest> images;
  std::vector<std::pair<std::string, std::set<std::string>>> apps;  // with their live instances
};

// Erases all but the newest `keep` rows of an app that `spare` does not hold on to.
template <class T, class Spare>
void keep_newest(store::Writer& tx, const AppGuid& app, std::size_t keep, Spare spare) {
  std::size_t kept = 0;
  for (const auto& row :
       tx.all(Query<T>().where(&T::app, app).order_by(&T::created_at, Order::descending)))
    if (!spare(row) && ++kept > keep) tx.erase(row.guid);
}

void expire(store::Writer& tx, const model::App& app, WallTime now) {
  const auto is_young = [now](const auto& row) { return row.created_at > now + -kPushAge; };
  std::set<DeploymentGuid> deployments{app.current_deployment};
  std::set<DropletGuid> droplets{app.current_droplet};
  std::set<RevisionGuid> revisions{app.current_revision};
  for (const auto& instance :
       tx.all(Query<model::Instance>().where(&model::Instance::app, app.guid)))
    deployments.insert(instance.deployment);
  for (const auto& deployment :
       tx.all(Query<model::Deployment>().where(&model::Deployment::app, app.guid)))
    if (deployments.contains(deployment.guid) ||
        deployment.state == model::DeploymentState::active) {
      droplets.insert(deployment.droplet);
      revisions.insert(deployment.revision);
    }
  keep_newest<model::Deployment>(
      tx, app.guid, kDeploymentsPerApp, [&](const model::Deployment& row) {
        return deployments.contains(row.guid) || row.state == model::DeploymentState::active;
      });
  keep_newest<model::Build>(tx, app.guid, kBuildsPerApp, [](const model::Build& row) {
    return row.step != model::BuildStep::done;
  });
  keep_newest<model::Revision>(tx, app.guid, kRevisionsPerApp, [&](const model::Revision& row) {
    return revisions.contains(row.guid);
  });
  keep_newest<model::Droplet>(tx, app.guid, kDropletsPerApp, [&](const model::Droplet& row) {
    return droplets.contains(row.guid) || is_young(row);
  });
  std::set<PackageGuid> packages;
  for (const auto& droplet : tx.all(Query<model::Droplet>().where(&model::Droplet::app, app.guid)))
    packages.insert(droplet.package);
  for (const auto& build : tx.all(Query<model::Build>().where(&model::Build::app, app.guid)))
    if (build.state == model::BuildState::staging) packages.insert(build.package);
  keep_newest<model::Package>(tx, app.guid, kPackagesPerApp, [&](const model::Package& row) {
    return packages.contains(row.guid) || row.state != model::PackageState::ready || is_young(row);
  });
}

void expire_events(store::Writer& tx, std::int64_t most, WallTime now) {
  std::int64_t excess = tx.count(Query<model::Event>()) - most;
  for (const auto& event :
       tx.all(Query<model::Event>().order_by(&model::Event::created_at).page(1, kEventsAtOnce))) {
    if (--excess < 0 && event.created_at >= now + -kEventAge) break;
    tx.erase(event.guid);
  }
}

void expire_all(store::Writer& tx, WallTime now) {
  for (const auto& app : tx.all(Query<model::App>())) expire(tx, app, now);
  tx.erase_all(Query<model::Package>()
                   .none(&model::Package::state, {model::PackageState::ready})
                   .less(&model::Package::updated_at, now + -kUploadAge));
  for (const auto& job : tx.all(Query<model::Job>().less(&model::Job::updated_at, now + -kJobAge)))
    if (job.state != model::JobState::processing) tx.erase(job.guid);
  tx.erase_all(
      Query<model::SourceFile>().less(&model::SourceFile::updated_at, now + -kSourceFileAge));
}

Roots roots(store::Reader& reader) {
  Roots out;
  for (const auto& package : reader.all(Query<model::Package>()))
    if (!package.files.empty()) out.packages.push_back(package.files);
  for (const auto& file : reader.all(Query<model::SourceFile>())) out.files.insert(file.digest);
  for (const auto& droplet : reader.all(Query<model::Droplet>()))
    if (!droplet.image.empty()) out.images.insert(droplet.image);
  for (const auto& app : reader.all(Query<model::App>())) {
    auto& [guid, live] = out.apps.emplace_back(app.guid.str(), std::set<std::string>());
    for (const auto& instance :
         reader.all(Query<model::Instance>().where(&model::Instance::app, app.guid)))
      live.insert(instance.guid.str());
  }
  return out;
}

image::GcResult sweep(image::BlobStore& blobs, telemetry::LogStore& logs, const Roots& roots,
                      WallTime now) {
  std::set<Digest> marked = roots.files;
  for (const Digest& package : roots.packages)
    for (const Digest& blob : image::blobs_of_package(blobs, package)) marked.insert(blob);
  for (const Digest& one : roots.images)
    for (const Digest& blob : image::oci::blobs_of_image(blobs, one)) marked.insert(blob);
  for (const auto& [app, live] : roots.apps) logs.trim(app, kLogBytesPerApp, live);
  return blobs.gc(marked, now);
}

Task<void> expire_rows(CollectorParts& parts) {
  co_await parts.store.write(
      [now = parts.loop.wall(), logins = parts.logins, events = parts.events](store::Writer& tx) {
        expire_all(tx, now);
        expire_events(tx, events, now);
        if (logins) logins->sweep(tx);
      });
}

Task<void> sweep_blobs(CollectorParts& parts, Roots all) {
  const auto result =
      co_await parts.pool.run([&blobs = parts.blobs, &logs = parts.logs, all = std::move(all),
                               now = parts.loop.wall()] { return sweep(blobs, logs, all, now); });
  if (result.erased > 0)
    log_info("collected garbage", {{"blobs", result.erased}, {"bytes", result.erased_bytes}});
}

Task<void> attempt(std::string_view what, Task<void> part) {
  async::Scope& scope = co_await async::current_scope();
  std::string failure;
  try {
    co_await std::move(part);
  } catch (const std::exception& error) {
    failure = error.what();
  }
  if (!failure.empty() && !scope.cancelled())
    log_warn("could not collect garbage", {{"what", what}, {"error", failure}});
}

}  // namespace

Task<void> Collector::collect() {
  co_await attempt("rows", expire_rows(parts_));
  Roots all = co_await parts_.store.read(roots);
  all.images.insert(parts_.base_images.begin(), parts_.base_images.end());
  const std::set<Digest> images = all.images;
  co_await attempt("blobs and logs", sweep_blobs(parts_, std::move(all)));
  co_await attempt("layers", parts_.engine.collect(images));
}

Task<void> Collector::run() {
  while (co_await async::sleep(parts_.every)) co_await attempt("anything", collect());
}

}  // namespace nuri::control
