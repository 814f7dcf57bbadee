// The first half of AppPush: from a directory to a droplet.

#include <fmt/format.h>

#include <atomic>

#include "async/deadline.h"
#include "async/task_group.h"
#include "base/guid.h"
#include "cli/app_push.h"
#include "cli/hash_cache.h"
#include "cli/log_tail.h"
#include "cli/table.h"

namespace nuri::cli {
namespace {

constexpr std::size_t kMatchBatch = 5000;  // entries of one resource_matches
constexpr Duration kPollPause = 50ms;
constexpr Duration kBuildDeadline = 30min;

// Set when its owner is cancelled or done, so that the walk on its thread ends.
struct StopFlag {
  std::shared_ptr<std::atomic<bool>> flag = std::make_shared<std::atomic<bool>>(false);
  ~StopFlag() { *flag = true; }
};

struct Source {
  image::Walk walk;
  std::size_t known = 0;
};

Source walk_with_cache(const std::string& root, const std::atomic<bool>& stop) {
  HashCache cache(config_folder(), root, stop);
  Source source;
  source.walk = image::walk_source(root, {}, &cache);
  source.known = cache.hits();
  cache.save();
  return source;
}

Task<void> show_build_log(LogTail& tail, Steps& steps) {
  for (const LogLine& line : co_await tail.next())
    if (line.source == "STG") steps.line("   " + line.text);
}

// Until it is cancelled. A log that cannot be read does not end the build.
Task<void> follow_build_log(LogTail& tail, Steps& steps) {
  try {
    do co_await show_build_log(tail, steps);
    while (co_await async::sleep(kLogPause));
  } catch (const Error&) {
  }
}

bool is_local(const std::string& api) {
  return api.starts_with("http://127.") || api.starts_with("http://localhost") ||
         api.starts_with("http://[::1]");
}

// Held by the server while nothing changes.
Task<json::value> next_state(Api& api, std::string path, std::string_view over, Time end,
                             std::string_view what) {
  async::Loop& loop = (co_await async::current_scope()).loop();
  for (;;) {
    const Time asked = loop.now();
    json::value answer = co_await api.get(path);
    const std::string state = text_at(answer, "/state");
    if (state == over || state == "FAILED" || state == "EXPIRED") co_return answer;
    if (loop.now() >= end)
      throw Error(Code::timeout, fmt::format("{} is not done in time: {}", what, state));
    if (loop.now() - asked < kPollPause)
      if (auto slept = co_await async::sleep(kPollPause); !slept)
        throw error_of(slept.error(), what);
  }
}

}  // namespace

Task<void> AppPush::read_files() {
  steps_.begin("read", fmt::format("Reading files of {}...", plan_.path.string()));
  const StopFlag stop;
  Source source = co_await command_.pool.run(
      [root = plan_.path.string(), flag = stop.flag] { return walk_with_cache(root, *flag); });
  walk_ = std::move(source.walk);
  steps_.end(fmt::format(
      "{} files, {}{}", walk_.package.files.size(), show_bytes(walk_.package.total_bytes()),
      walk_.ignored_by.empty() ? std::string()
                               : fmt::format(" (without what {} lists)", walk_.ignored_by)));
  for (const std::string& path : walk_.skipped)
    steps_.line(fmt::format("   '{}' is neither file, folder nor link: left out", path));
}

Task<Matched> AppPush::match() {
  json::array known;
  json::array asked;
  const auto& files = walk_.package.files;
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (files[i].kind == image::FileKind::file && files[i].size > 0)
      asked.push_back(resource_json(files[i]));
    if (asked.empty() || (asked.size() < kMatchBatch && i + 1 < files.size())) continue;
    const Answer answer =
        co_await api_.send("POST", "/v3/resource_matches",
                           json::object{{"resources", std::exchange(asked, json::array())}});
    for (const json::value& one : array_at(answer.body, "/resources")) known.push_back(one);
  }
  co_return split(files, known);
}

Task<void> AppPush::upload() {
  steps_.begin("upload", "Uploading files...");
  const Matched matched = co_await match();
  const Answer made = co_await api_.send(
      "POST", "/v3/packages",
      json::object{{"type", "bits"},
                   {"relationships", {{"app", {{"data", {{"guid", text_at(app_, "/guid")}}}}}}}});
  package_ = text_at(made.body, "/guid");
  std::shared_ptr<ZipStream> zip;
  const auto compression = is_local(api_.session().api()) ? ZipStream::Compression::none
                                                          : ZipStream::Compression::deflate;
  if (!matched.lacks.empty())
    zip = std::make_shared<ZipStream>(plan_.path, matched.lacks, compression);
  SystemRandom random;
  auto content = std::make_unique<PackageUpload>(
      command_.pool, matched.resources, std::move(zip), "nuri-" + make_guid_text(random),
      [this, total = matched.lacking_bytes](std::uint64_t sent) {
        steps_.progress(fmt::format("{} of {}", show_bytes(sent), show_bytes(total)));
      });
  const std::string type = content->content_type();
  co_await api_.upload("/v3/packages/" + package_ + "/upload", type, std::move(content));
  uploaded_ = true;
  const json::value package =
      co_await next_state(api_, "/v3/packages/" + package_, "READY",
                          command_.loop.now() + kBuildDeadline, "storing the upload");
  if (text_at(package, "/state") != "READY")
    throw Error(Code::unprocessable,
                fmt::format("the upload was not taken: {}",
                            text_at(package, "/data/error", text_at(package, "/state"))));
  steps_.end(fmt::format("{} files, {} new ({})", walk_.package.files.size(), matched.lacks.size(),
                         show_bytes(matched.lacking_bytes)));
}

Task<void> AppPush::build() {
  steps_.begin("build", "Building...");
  LogTail tail(api_, text_at(app_, "/guid"));
  co_await tail.begin_now();
  const Answer begun =
      co_await api_.send("POST", "/v3/builds", json::object{{"package", {{"guid", package_}}}});
  steps_.open();
  async::TaskGroup group(co_await async::current_scope());
  group.spawn(follow_build_log(tail, steps_));
  const json::value built =
      co_await next_state(api_, "/v3/builds/" + text_at(begun.body, "/guid"), "STAGED",
                          command_.loop.now() + kBuildDeadline, "the build");
  group.cancel();
  co_await group.join();
  co_await show_build_log(tail, steps_);
  if (text_at(built, "/state") != "STAGED") {
    const std::string why = text_at(built, "/error", "see its log above");
    throw Error(why.starts_with("InsufficientResources") ? Code::no_space : Code::unprocessable,
                fmt::format("the build failed: {}", why));
  }
  droplet_ = text_at(built, "/droplet/guid");
  steps_.end("Build done.");
}

}  // namespace nuri::cli
