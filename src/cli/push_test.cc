#include <fcntl.h>
#include <gtest/gtest.h>

#include "async/epoll_loop.h"
#include "cli/app_push.h"
#include "cli/hash_cache.h"
#include "cli/stub_api.h"
#include "cli/zip_stream.h"
#include "http/memory_dialer.h"
#include "image/memory_blob_store.h"
#include "image/scratch_folder.h"

namespace nuri::cli {
namespace {

namespace fs = std::filesystem;

// A session whose memory is a folder of the test's own.
class PushTest : public ::testing::Test {
 public:
  PushTest() {
    ::setenv("NURI_HOME", home_.path().c_str(), 1);
    source_.write("server.js", "listen(process.env.PORT)");
    source_.write("package.json", "{}");
    source_.write("empty", "");
  }
  ~PushTest() override { ::unsetenv("NURI_HOME"); }

  using Body = Task<void> (PushTest::*)(Command&);

  // Runs `body` with a logged-in client of the stub.
  Task<void> with_client(Body body) {
    http::Server server(loop_, stub_);
    async::TaskGroup connections(loop_);
    http::MemoryDialer dialer(loop_, connections, server);
    async::ThreadPool pool(1, 16);
    {
      http::Client client(loop_, dialer);
      Session session("http://stub");
      co_await session.log_in(client, "admin", "secret");
      Api api(client, session);
      Command command{loop_, pool, api, terminal_, arguments_};
      co_await (this->*body)(command);
    }
    server.drain();
    connections.cancel();
    co_await connections.join();
  }
  void run(Body body) { loop_.run(with_client(body)); }

  AppPush make(Command& command, Steps& steps, AppPush::Options options = {}) {
    AppPlan plan;
    plan.app.name = "hello";
    plan.path = source_.path();
    return AppPush(command, steps, plan, "s", options);
  }
  Task<void> push(Command& command) {
    Steps steps(terminal_, loop_, Steps::Show::lines);
    AppPush one = make(command, steps);
    document_ = co_await one.run();
  }
  Task<void> push_and_fail(Command& command) {
    std::optional<Error> failure;
    try {
      co_await push(command);
    } catch (const Error& error) {
      failure = error;
    }
    failure_ = failure;
  }
  Task<void> push_and_interrupt(Command& command) {
    async::Scope scope(co_await async::current_scope());
    async::TaskGroup group(loop_);
    group.spawn([](StubApi& stub, async::Scope& of) -> Task<void> {
      (void)co_await stub.build_asked.wait();
      of.cancel();
    }(stub_, scope));
    co_await push_and_fail(command).in(scope);
    co_await group.join();
  }

  async::EpollLoop loop_;
  image::ScratchFolder home_, source_;
  StubApi stub_;
  MemoryTerminal terminal_;
  Arguments arguments_;
  json::object document_;
  std::optional<Error> failure_;
};

TEST_F(PushTest, ANewAppIsUploadedBuiltStartedAndShown) {
  run(&PushTest::push);
  const json::value document(document_);
  EXPECT_EQ(text_at(document, "/routes/0"), "http://hello.localhost:8080");
  EXPECT_EQ(text_at(document, "/processes/0/instance_details/0/state"), "running");
  EXPECT_FALSE(at(document, "/unchanged")->get_bool());
  EXPECT_TRUE(stub_.was_asked("PATCH /v3/apps/a/relationships/current_droplet"));
  EXPECT_TRUE(stub_.was_asked("POST /v3/apps/a/actions/start"));
  EXPECT_FALSE(stub_.was_asked("POST /v3/deployments"));
  EXPECT_NE(stub_.manifest.find("\"name\":\"hello\""), std::string::npos);
}

TEST_F(PushTest, AnAppIsShownWhereItIsServedInsideTlsIfItIs) {
  stub_.meta = {{"apps_port", 80}, {"apps_tls_port", 443}};
  run(&PushTest::push);
  EXPECT_EQ(text_at(json::value(document_), "/routes/0"), "https://hello.localhost");
}

TEST_F(PushTest, OnlyWhatTheServerLacksIsUploaded) {
  const auto walk = image::walk_source(source_.path());
  for (const image::PackageFile& file : walk.package.files)
    if (file.path == "server.js") stub_.known.push_back(resource_json(file));
  run(&PushTest::push);
  ASSERT_EQ(stub_.uploaded_resources.as_array().size(), 1u);
  EXPECT_EQ(text_at(stub_.uploaded_resources, "/0/path"), "server.js");
  EXPECT_EQ(stub_.uploaded_zip.find("server.js"), std::string::npos);
  EXPECT_NE(stub_.uploaded_zip.find("package.json"), std::string::npos);
}

TEST_F(PushTest, WhatRunsAlreadyIsNeitherBuiltNorStartedAgain) {
  stub_.app_there = true;
  stub_.app_state = "STARTED";
  stub_.package_digest =
      Digest::of(image::serialise_package(image::walk_source(source_.path()).package)).hex();
  run(&PushTest::push);
  EXPECT_TRUE(document_.at("unchanged").get_bool());
  for (const char* line : {"POST /v3/packages", "POST /v3/builds", "POST /v3/deployments"})
    EXPECT_FALSE(stub_.was_asked(line)) << line;
}

TEST_F(PushTest, AChangedAppRollsOverByADeployment) {
  stub_.app_there = true;
  stub_.app_state = "STARTED";
  stub_.package_digest = "another";
  run(&PushTest::push);
  EXPECT_TRUE(stub_.was_asked("POST /v3/builds"));
  EXPECT_TRUE(stub_.was_asked("POST /v3/deployments"));
  EXPECT_FALSE(stub_.was_asked("PATCH /v3/apps/a/relationships/current_droplet"));
}

TEST_F(PushTest, ARefusedTokenIsRenewedOnce) {
  stub_.refuse_tokens = 1;
  run(&PushTest::push);
  EXPECT_EQ(stub_.logins, 2);
  EXPECT_FALSE(document_.empty());
}

TEST_F(PushTest, AFailedBuildSaysWhyAndStartsNothing) {
  stub_.build_state = "FAILED";
  run(&PushTest::push_and_fail);
  ASSERT_TRUE(failure_);
  EXPECT_EQ(failure_->code(), Code::unprocessable);
  EXPECT_NE(failure_->message().find("nothing detected"), std::string::npos);
  EXPECT_FALSE(stub_.was_asked("POST /v3/apps/a/actions/start"));
}

TEST_F(PushTest, AFailedStartSaysWhatTheServerSawAndHowToGoOn) {
  stub_.deployment_reason = "CANCELED";
  stub_.deployment_error = "Exited with status 3";
  run(&PushTest::push_and_fail);
  ASSERT_TRUE(failure_);
  EXPECT_NE(failure_->message().find("Exited with status 3"), std::string::npos);
  EXPECT_NE(terminal_.written.find("nuri logs hello --recent"), std::string::npos);
}

TEST_F(PushTest, ANewAppIsGoneAfterCtrlC) {
  stub_.hold_build = true;
  run(&PushTest::push_and_interrupt);
  ASSERT_TRUE(failure_);
  EXPECT_EQ(failure_->code(), Code::cancelled);
  EXPECT_TRUE(stub_.was_asked("DELETE /v3/apps/a"));
  EXPECT_TRUE(stub_.was_asked("DELETE /v3/routes/r"));
  EXPECT_NE(failure_->message().find("removed again"), std::string::npos);
}

TEST_F(PushTest, AnOldAppStaysAfterCtrlC) {
  stub_.hold_build = true;
  stub_.app_there = true;
  stub_.app_state = "STARTED";
  stub_.package_digest = "another";
  run(&PushTest::push_and_interrupt);
  ASSERT_TRUE(failure_);
  EXPECT_FALSE(stub_.was_asked("DELETE /v3/apps/a"));
  EXPECT_FALSE(stub_.was_asked("POST /v3/deployments"));
  EXPECT_NE(failure_->message().find("serves on"), std::string::npos);
}

std::string whole(ZipStream& zip) {
  std::string out;
  for (std::string piece; !(piece = zip.read()).empty();) out += piece;
  return out;
}

TEST(ZipStream, IsReadBackAsTheSameFilesAndIsTheSameEachTime) {
  const image::ScratchFolder folder;
  folder.write("run.sh", "#!/bin/sh\n");
  fs::permissions(folder.path() / "run.sh", fs::perms::owner_all);
  folder.write("ü.txt", std::string(300'000, 'x'));
  folder.write("none", "");
  fs::create_symlink("run.sh", folder.path() / "link");
  fs::create_directory(folder.path() / "hollow");
  const image::Package package = image::walk_source(folder.path()).package;
  for (const auto how : {ZipStream::Compression::none, ZipStream::Compression::deflate}) {
    ZipStream zip(folder.path(), package.files, how), again(folder.path(), package.files, how);
    const std::string bytes = whole(zip);
    EXPECT_EQ(bytes, whole(again));
    folder.write("../" + folder.path().filename().string() + ".zip", bytes);
    const fs::path file = folder.path().string() + ".zip";
    const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    fs::remove(file);
    const SystemClock clock;
    image::MemoryBlobStore blobs(clock);
    const auto batch = blobs.batch();
    image::Package back = image::read_zip(fd.get(), *batch);
    image::normalise(back);
    EXPECT_EQ(image::serialise_package(back), image::serialise_package(package));
  }
}

TEST(ZipStream, AFileThatGrewMeanwhileIsNamed) {
  const image::ScratchFolder folder;
  folder.write("a", "1");
  const image::Package package = image::walk_source(folder.path()).package;
  folder.write("a", "12");
  ZipStream zip(folder.path(), package.files, ZipStream::Compression::none);
  EXPECT_THROW(whole(zip), Error);
}

image::Walk walk_with(const fs::path& home, const fs::path& source, std::size_t& hits) {
  const std::atomic<bool> stop = false;
  HashCache cache(home, source, stop);
  image::Walk found = image::walk_source(source, {}, &cache);
  cache.save();
  hits = cache.hits();
  return found;
}

TEST(HashCache, ATreeThatRestsIsNotReadAgain) {
  const image::ScratchFolder home;
  const fs::path resting = "/usr/include/CLI";  // old: what changed just now is never kept
  std::size_t hits = 9;
  const image::Walk first = walk_with(home.path(), resting, hits);
  EXPECT_EQ(hits, 0u);
  const image::Walk second = walk_with(home.path(), resting, hits);
  EXPECT_GT(hits, 5u);
  EXPECT_EQ(first.package.files, second.package.files);
}

TEST(HashCache, WhatWasWrittenJustNowIsReadAgain) {
  const image::ScratchFolder home, source;
  source.write("a", "1");
  std::size_t hits = 9;
  const image::Walk first = walk_with(home.path(), source.path(), hits);
  source.write("a", "2");
  const image::Walk second = walk_with(home.path(), source.path(), hits);
  EXPECT_EQ(hits, 0u);
  EXPECT_NE(first.package.files[0].sha256, second.package.files[0].sha256);
}

TEST(HashCache, EndsTheWalkWhenToldTo) {
  const image::ScratchFolder home, source;
  source.write("a", "1");
  const std::atomic<bool> stop = true;
  HashCache cache(home.path(), source.path(), stop);
  EXPECT_THROW(image::walk_source(source.path(), {}, &cache), Error);
}

}  // namespace
}  // namespace nuri::cli
