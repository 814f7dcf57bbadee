#include "router/predecessors.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "async/deadline.h"
#include "base/limits.h"
#include "base/log.h"

namespace nuri::router {
namespace {

constexpr Duration kAskAgain = 20ms;  // of one that is not connected yet
constexpr std::string_view kPrefix = "draining.";

}  // namespace

struct Predecessors::One {
  One(async::Loop& loop, std::string at) : path(at), feed(loop, std::move(at)) {}
  std::string path;
  TableFeed feed;
};

std::string draining_socket(const std::string& directory, int pid) {
  return fmt::format("{}/{}{}.sock", directory, kPrefix, pid);
}

Task<void> Predecessors::run(std::string directory) {
  async::TaskGroup group(co_await async::current_scope());
  std::error_code ec;
  for (const auto& file : std::filesystem::directory_iterator(directory, ec))
    if (file.path().filename().string().starts_with(kPrefix)) {
      all_.push_back(std::make_shared<One>(loop_, file.path().string()));
      group.spawn(follow(all_.back()));
    }
  co_await group.join();
}

Task<void> Predecessors::follow(std::shared_ptr<One> one) {
  const auto ended = co_await one->feed.run_once();
  all_.remove(one);
  // Nobody listens there: it was killed, or has ended since.
  if (!ended && ended.error() == IoError::refused) ::unlink(one->path.c_str());
}

Task<void> Predecessors::publish(const Table& table) {
  const auto all = all_;
  for (const auto& one : all)
    if (auto done =
            co_await async::within(limits::kPredecessorDeadline, one->feed.publish_table(table));
        !done && done.error() == IoError::timed_out)
      log_warn("a router that drains does not take the table", {{"socket", one->path}});
}

Task<bool> Predecessors::drained(const std::string& upstream) {
  const auto all = all_;
  for (const auto& one : all)
    while (!one->feed.over()) {
      auto done = co_await one->feed.drained(upstream);
      if (done) break;
      if (done.error() == IoError::unreachable) done = co_await async::sleep(kAskAgain);
      if (!done && done.error() != IoError::reset) co_return false;
    }
  co_return true;
}

}  // namespace nuri::router
