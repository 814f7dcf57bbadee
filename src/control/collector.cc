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
constexpr std::size_t kBuildsPerApp = 20;
constexpr std::size_t kDeploymentsPerApp = 50;
constexpr Duration kJobAge = std::chrono::hours(24);
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

void expire(store::Writer& tx, const model::App& app) {
  std::set<DeploymentGuid> deployments{app.current_deployment};
  std::set<DropletGuid> droplets{app.current_droplet};
  for (const auto& instance :
       tx.all(Query<model::Instance>().where(&model::Instance::app, app.guid)))
    deployments.insert(instance.deployment);
  for (const auto& deployment :
       tx.all(Query<model::Deployment>().where(&model::Deployment::app, app.guid)))
    if (deployments.contains(deployment.guid) || deployment.state == model::DeploymentState::active)
      droplets.insert(deployment.droplet);
  keep_newest<model::Deployment>(
      tx, app.guid, kDeploymentsPerApp, [&](const model::Deployment& row) {
        return deployments.contains(row.guid) || row.state == model::DeploymentState::active;
      });
  keep_newest<model::Build>(tx, app.guid, kBuildsPerApp, [](const model::Build& row) {
    return row.step != model::BuildStep::done;
  });
  keep_newest<model::Droplet>(tx, app.guid, kDropletsPerApp, [&](const model::Droplet& row) {
    return droplets.contains(row.guid);
  });
  std::set<PackageGuid> packages;
  for (const auto& droplet : tx.all(Query<model::Droplet>().where(&model::Droplet::app, app.guid)))
    packages.insert(droplet.package);
  for (const auto& build : tx.all(Query<model::Build>().where(&model::Build::app, app.guid)))
    if (build.state == model::BuildState::staging) packages.insert(build.package);
  keep_newest<model::Package>(tx, app.guid, 2, [&](const model::Package& row) {
    return packages.contains(row.guid) || row.state != model::PackageState::ready;
  });
}

void expire_all(store::Writer& tx, WallTime now) {
  for (const auto& app : tx.all(Query<model::App>())) expire(tx, app);
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

}  // namespace

Task<void> Collector::collect() {
  const WallTime now = parts_.loop.wall();
  co_await parts_.store.write([now](store::Writer& tx) { expire_all(tx, now); });
  Roots all = co_await parts_.store.read(roots);
  all.images.insert(parts_.base_images.begin(), parts_.base_images.end());
  const std::set<Digest> images = all.images;
  const auto result =
      co_await parts_.pool.run([&blobs = parts_.blobs, &logs = parts_.logs, all = std::move(all),
                                now] { return sweep(blobs, logs, all, now); });
  co_await parts_.engine.collect(images);
  if (result.erased > 0)
    log_info("collected garbage", {{"blobs", result.erased}, {"bytes", result.erased_bytes}});
}

Task<void> Collector::run() {
  while (co_await async::sleep(parts_.every)) {
    try {
      co_await collect();
    } catch (const Error& error) {
      log_warn("could not collect garbage", {{"error", error.message()}});
    }
  }
}

}  // namespace nuri::control
