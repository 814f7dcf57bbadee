#include "control/collector.h"

#include "control/test_control.h"
#include "image/oci.h"
#include "image/package.h"

namespace nuri::control {
namespace {

using model::PackageState;
using store::Query;
using testing::Contains;
using testing::IsSupersetOf;

class CollectorTest : public ControlTest {
 protected:
  // Ends the server's other work: days then pass at once.
  void quiet() {
    server_->tasks.cancel();
    ASSERT_TRUE(until([&] { return server_->tasks.size() == 0; }, 5min));
  }
  void collect() { loop_.run(server_->collector.collect()); }

  // A package of one file, with its blobs.
  Digest store_package(const std::string& text) {
    image::Package package;
    package.files.push_back({.path = "index.html",
                             .kind = image::FileKind::file,
                             .mode = 0644,
                             .size = text.size(),
                             .sha256 = blobs_.put(text).digest,
                             .sha1 = {},
                             .target = {}});
    return blobs_.put(image::serialise_package(package)).digest;
  }
  // An image of one layer, with its blobs.
  Digest store_image(const std::string& layer) {
    const auto blob = blobs_.put(layer);
    image::oci::ImageConfig config;
    config.platform = image::oci::host_platform();
    config.diff_ids = {blob.digest};
    return image::oci::store_image(blobs_, config,
                                   {{.media_type = std::string(image::oci::kLayerType),
                                     .digest = blob.digest,
                                     .size = blob.size,
                                     .annotations = {},
                                     .platform = {}}});
  }
  bool has(const std::string& text) const { return blobs_.exists(Digest::of(text)); }
  WallTime ago(Duration time) const { return loop_.wall() + -time; }
  model::Package insert_package(const model::App& app, PackageState state, Duration age,
                                Digest files = {}) {
    model::Package package;
    package.app = app.guid;
    package.state = state;
    package.files = files;
    package.created_at = ago(age);
    return insert(package);
  }
  model::Droplet insert_droplet(const model::App& app, Duration age, Digest image) {
    model::Droplet droplet;
    droplet.app = app.guid;
    droplet.image = image;
    droplet.created_at = ago(age);
    return insert(droplet);
  }
};

TEST_F(CollectorTest, RemovesBlobsThatNothingPointsTo) {
  quiet();
  store_package("stray file");
  store_image("stray layer");
  pass(25h);
  collect();
  EXPECT_EQ(blobs_.usage().blobs, 0u);
}

TEST_F(CollectorTest, LeavesABlobWhoseUploadOrBuildIsUnderWay) {
  quiet();
  blobs_.put("just stored");
  blobs_.put("matched by an upload");
  pass(23h);
  ASSERT_TRUE(blobs_.touch(Digest::of("matched by an upload")));
  collect();
  EXPECT_TRUE(has("just stored"));
  pass(2h);
  collect();
  EXPECT_FALSE(has("just stored")) << "nobody ever came back for it";
  EXPECT_TRUE(has("matched by an upload"));
}

TEST_F(CollectorTest, LeavesWhatPackagesAndDropletsNeed) {
  quiet();
  const auto app = make_app("shop");
  insert_package(app, PackageState::ready, 0s, store_package("a file"));
  insert_droplet(app, 0s, store_image("a layer"));
  const auto before = blobs_.usage().blobs;
  ASSERT_EQ(before, 5u);
  pass(100h);
  collect();
  EXPECT_EQ(blobs_.usage().blobs, before);
}

TEST_F(CollectorTest, LeavesWhatASpaceHasUploadedForAMonth) {
  quiet();
  blobs_.put("a file of the space");
  model::SourceFile file;
  file.space = space_.guid;
  file.digest = Digest::of("a file of the space");
  file = insert(file);
  pass(24h * 29);
  collect();
  EXPECT_TRUE(has("a file of the space"));
  pass(24h * 2);
  collect();
  EXPECT_FALSE(has("a file of the space"));
  EXPECT_FALSE(find(file.guid));
}

TEST_F(CollectorTest, LeavesWhatRunsHoweverManyBuildsCameAfterIt) {
  const auto app = make_app("shop");
  const Digest image = store_image("the layer that runs");
  const auto running = insert_droplet(app, 1000h, image);
  deploy(app, running);
  ASSERT_TRUE(until([&] { return serving(app) == 1; }));
  quiet();
  std::vector<model::Droplet> later;
  for (int n = 0; n < 9; ++n) later.push_back(insert_droplet(app, (900h - 1h * n), {}));
  pass(25h);
  collect();
  EXPECT_TRUE(find(running.guid));
  EXPECT_TRUE(has("the layer that runs"));
  EXPECT_THAT(script_.collected.back(), IsSupersetOf({image, base_image_}));
  for (int n = 0; n < 9; ++n)
    EXPECT_EQ(find(later[static_cast<std::size_t>(n)].guid).has_value(), n >= 4) << n;
}

TEST_F(CollectorTest, LeavesWhatTheNextStartOfAStoppedAppRuns) {
  quiet();
  const auto app = make_app("shop");
  const auto droplet = insert_droplet(app, 1000h, {});
  change(app.guid, [&](model::App& row) { row.current_droplet = droplet.guid; });
  for (int n = 0; n < 9; ++n) insert_droplet(app, 900h, {});
  collect();
  EXPECT_TRUE(find(droplet.guid));
}

TEST_F(CollectorTest, LeavesWhatAnAppScaledToNothingWouldRunWhenScaledUp) {
  const auto app = make_app("shop", 0);
  const auto deployed = insert_droplet(app, 1000h, {});
  const auto deployment = deploy(app, deployed);
  ASSERT_TRUE(
      until([&] { return row(deployment.guid).state == model::DeploymentState::finalized; }));
  quiet();
  DropletGuid next;  // that nobody has deployed yet
  for (int n = 0; n < 9; ++n) next = insert_droplet(app, 900h, {}).guid;
  change(app.guid, [&](model::App& row) { row.current_droplet = next; });
  for (int n = 0; n < 60; ++n) {
    model::Deployment later_one;
    later_one.app = app.guid;
    later_one.state = model::DeploymentState::finalized;
    later_one.created_at = loop_.wall() + 1s;
    insert(later_one);
  }
  collect();
  EXPECT_TRUE(find(deployed.guid));
  EXPECT_TRUE(find(deployment.guid));
  EXPECT_EQ(all(Query<model::Deployment>()).size(), 51u);
}

TEST_F(CollectorTest, LeavesTheOldDropletWhileANewOneIsRolledOut) {
  const auto app = make_app("shop");
  const auto old = insert_droplet(app, 1000h, store_image("the old layer"));
  deploy(app, old);
  ASSERT_TRUE(until([&] { return serving(app) == 1; }));
  for (int n = 0; n < 9; ++n) insert_droplet(app, 900h, {});
  machine_.behave(Digest::of("next"), engine::Behaviour::slow_start);
  const auto next = insert_droplet(app, 900h, Digest::of("next"));
  deploy(app, next);
  pass(5s);
  collect();
  EXPECT_TRUE(find(old.guid));
  EXPECT_TRUE(find(next.guid));
  EXPECT_TRUE(has("the old layer"));
}

TEST_F(CollectorTest, APackageThatNeverBecameReadyExpiresAfterADay) {
  quiet();
  const auto app = make_app("shop");
  const auto awaiting = insert_package(app, PackageState::awaiting_upload, 23h);
  const auto failed = insert_package(app, PackageState::failed, 23h);
  const auto ready = insert_package(app, PackageState::ready, 23h);
  collect();
  EXPECT_TRUE(find(awaiting.guid)) << "its upload may be under way";
  EXPECT_TRUE(find(failed.guid));
  pass(2h);
  collect();
  EXPECT_FALSE(find(awaiting.guid));
  EXPECT_FALSE(find(failed.guid));
  EXPECT_TRUE(find(ready.guid));
}

TEST_F(CollectorTest, OfPackagesThatNoDropletWasMadeOfTheNewestTwoStay) {
  quiet();
  const auto app = make_app("shop");
  const auto built = insert_package(app, PackageState::ready, 100h);
  auto droplet = insert_droplet(app, 100h, {});
  change(droplet.guid, [&](model::Droplet& row) { row.package = built.guid; });
  std::vector<model::Package> unused;
  for (const Duration age : {90h, 80h, 70h, 60h})
    unused.push_back(insert_package(app, PackageState::ready, age));
  model::Build failed;  // of the oldest
  failed.app = app.guid;
  failed.package = unused[0].guid;
  failed.state = model::BuildState::failed;
  failed.step = model::BuildStep::done;
  failed = insert(failed);
  model::Build waiting = failed;  // of the next
  waiting.package = unused[1].guid;
  waiting.state = model::BuildState::staging;
  waiting.step = model::BuildStep::queued;
  insert(waiting);
  collect();
  EXPECT_TRUE(find(built.guid)) << "a droplet that can be rolled back to may be built again";
  EXPECT_FALSE(find(unused[0].guid));
  EXPECT_TRUE(find(unused[1].guid)) << "its build has not ended";
  EXPECT_TRUE(find(unused[2].guid));
  EXPECT_TRUE(find(unused[3].guid));
  EXPECT_TRUE(find(failed.guid));
}

TEST_F(CollectorTest, LeavesWhatPushesSideBySideHaveMadeSoFar) {
  quiet();
  const auto app = make_app("shop");
  std::vector<PackageGuid> packages;
  std::vector<DropletGuid> droplets;
  for (int n = 0; n < 9; ++n) {
    packages.push_back(insert_package(app, PackageState::ready, 1min).guid);
    droplets.push_back(insert_droplet(app, 1min, {}).guid);
  }
  collect();
  for (const auto& guid : packages) EXPECT_TRUE(find(guid));
  for (const auto& guid : droplets) EXPECT_TRUE(find(guid));
}

TEST_F(CollectorTest, KeepsTheNewestTwentyBuildsAndThoseThatAreNotOver) {
  quiet();
  const auto app = make_app("shop");
  model::Build build;
  build.app = app.guid;
  build.state = model::BuildState::failed;
  build.step = model::BuildStep::running;  // something of it is left
  build.created_at = ago(100h);
  const auto left = insert(build);
  build.step = model::BuildStep::done;
  for (int n = 0; n < 25; ++n) insert(build);
  collect();
  EXPECT_TRUE(find(left.guid));
  EXPECT_EQ(all(Query<model::Build>()).size(), 21u);
}

TEST_F(CollectorTest, KeepsTheNewestHundredRevisionsAndTheOneThatRuns) {
  const auto app = serving_app("shop");
  const auto running = row(app.guid).current_revision;
  quiet();
  model::Revision revision;
  revision.app = app.guid;
  std::vector<RevisionGuid> later;
  for (int n = 0; n < 105; ++n) {
    revision.version = n + 2;
    revision.created_at = loop_.wall() + 1s * (n + 1);
    later.push_back(insert(revision).guid);
  }
  collect();
  EXPECT_TRUE(find(running));
  for (std::size_t n = 0; n < later.size(); ++n) EXPECT_EQ(find(later[n]).has_value(), n >= 5) << n;
}

TEST_F(CollectorTest, AuditEventsStayForAMonth) {
  quiet();
  model::Event event;
  event.created_at = ago(24h * 31 + 1min);
  const auto old = insert(event);
  event.created_at = ago(24h * 31 - 1min);
  const auto young = insert(event);
  collect();
  EXPECT_FALSE(find(old.guid));
  EXPECT_TRUE(find(young.guid));
}

TEST_F(CollectorTest, OfTooManyAuditEventsTheNewestStay) {
  quiet();
  Collector collector({.loop = loop_,
                       .store = server_->live,
                       .pool = server_->pool,
                       .engine = server_->engine,
                       .blobs = blobs_,
                       .logs = logs_,
                       .base_images = {},
                       .events = 10});
  std::vector<EventGuid> events;
  for (int n = 0; n < 13; ++n) {
    events.push_back(insert(model::Event()).guid);
    pass(1s);
  }
  loop_.run(collector.collect());
  for (std::size_t n = 0; n < events.size(); ++n)
    EXPECT_EQ(find(events[n]).has_value(), n >= 3) << n;
}

TEST_F(CollectorTest, LoginsThatHaveExpiredGo) {
  quiet();
  identity::Tokens tokens({}, loop_, random_);
  identity::Logins logins(tokens, loop_, random_);
  Collector collector({.loop = loop_,
                       .store = server_->live,
                       .pool = server_->pool,
                       .engine = server_->engine,
                       .blobs = blobs_,
                       .logs = logs_,
                       .base_images = {},
                       .logins = &logins});
  model::User user;
  user.username = "ada";
  user = insert(user);
  const auto log_in = [&] { write([&](store::Writer& tx) { logins.begin(tx, user); }); };
  log_in();
  pass(identity::kRefreshTokenLife - 1h);
  log_in();
  loop_.run(collector.collect());
  EXPECT_EQ(all(Query<model::RefreshToken>()).size(), 2u);
  pass(2h);
  loop_.run(collector.collect());
  EXPECT_EQ(all(Query<model::RefreshToken>()).size(), 1u);
}

TEST_F(CollectorTest, JobsThatAreOverGoAfterADay) {
  quiet();
  model::Job job;
  job.operation = "app.delete";
  job.created_at = ago(25h);
  const auto under_way = insert(job);
  job.state = model::JobState::complete;
  const auto done = insert(job);
  job.created_at = ago(23h);
  const auto young = insert(job);
  collect();
  EXPECT_TRUE(find(under_way.guid));
  EXPECT_FALSE(find(done.guid));
  EXPECT_TRUE(find(young.guid));
}

TEST_F(CollectorTest, LogsAreHeldWithinTheirBound) {
  quiet();
  const auto app = make_app("shop");
  for (int n = 0; n < 70; ++n)
    loop_.run(server_->log.write(app.guid, std::string(limits::kMiB, 'x') + std::to_string(n)));
  collect();
  const auto lines = logs_.read(app.guid.str(), {.sources = {}});
  EXPECT_LE(lines.size(), 64u);
  ASSERT_GE(lines.size(), 60u);
  EXPECT_TRUE(lines.back().text.ends_with("x69")) << "the newest stay";
}

TEST_F(CollectorTest, MakesRoomAlsoWhenTheDiskTakesNoMoreRows) {
  quiet();
  blobs_.put("stray");
  pass(25h);
  server_->store.fail_next(store::MemoryStore::Fault::before_commit);
  collect();
  EXPECT_FALSE(has("stray"));
  EXPECT_EQ(script_.collected.size(), 1u);
}

TEST_F(CollectorTest, SweepsNothingWhenAnImageCannotBeRead) {
  quiet();
  const auto app = make_app("shop");
  blobs_.put("not a manifest");
  insert_droplet(app, 0s, Digest::of("not a manifest"));
  blobs_.put("stray, or a layer of it");
  pass(25h);
  collect();
  EXPECT_TRUE(has("stray, or a layer of it"));
}

TEST_F(CollectorTest, WorksByItselfAndGoesOnAfterAFailure) {
  blobs_.put("stray");
  pass(25h);
  EXPECT_FALSE(has("stray"));
  script_.collect_refused = Error(Code::unavailable, "the host is away");
  server_->store.fail_next(store::MemoryStore::Fault::read);
  pass(1h);
  script_.collect_refused.reset();
  const auto before = script_.collected.size();
  pass(1h);
  EXPECT_GE(script_.collected.size(), before + 5);
}

}  // namespace
}  // namespace nuri::control
