#include "router/served_table.h"

#include <utility>

#include "async/event.h"
#include "base/log.h"

namespace nuri::router {
namespace {

constexpr std::size_t kEntriesAtOnce = 256;

// Counts the answers of all workers. They come as jobs posted to the loop, in any order, perhaps
// after who waits has left.
struct Answers {
  explicit Answers(std::size_t of) : left(of) {}
  std::size_t left;
  async::Event all;

  static std::function<void()> one(async::Loop& loop, std::shared_ptr<Answers> answers) {
    return [&loop, answers] {
      loop.post([answers] {
        if (--answers->left == 0) answers->all.set();
      });
    };
  }
};

// Of a change, what workers hold in their tables, in parts; one at least. Certificates come to them
// by another way.
std::vector<std::shared_ptr<TableChange>> parts_of(const TableChange& change) {
  std::vector<std::shared_ptr<TableChange>> parts{std::make_shared<TableChange>()};
  parts[0]->put_challenges = change.put_challenges;
  parts[0]->remove_challenges = change.remove_challenges;
  const auto part_with_room = [&]() -> TableChange& {
    if (parts.back()->put.size() + parts.back()->remove.size() >= kEntriesAtOnce)
      parts.push_back(std::make_shared<TableChange>());
    return *parts.back();
  };
  for (const auto& key : change.remove) part_with_room().remove.push_back(key);
  for (const auto& entry : change.put) part_with_room().put.push_back(entry);
  return parts;
}

}  // namespace

ServedTable::ServedTable(async::Loop& loop, Workers& workers, TcpPorts& ports,
                         ServedCertificates& certificates, Predecessors& predecessors,
                         const std::string& journal_file)
    : loop_(loop),
      workers_(workers),
      ports_(ports),
      certificates_(certificates),
      predecessors_(predecessors) {
  if (!journal_file.empty()) journal_ = std::make_shared<TableJournal>(journal_file);
}

Task<void> ServedTable::restore() {
  if (!journal_) co_return;
  const Table before = std::exchange(table_, journal_->load());
  log_info("serving the routes from disk", {{"routes", table_.routes.size()}});
  co_await tell_workers(difference(before, table_));
  co_await predecessors_.publish(table_);
}

Task<void> ServedTable::let_go_of_journal() {
  const auto mine = co_await committing_.take();
  // Jobs run one after the other: behind this one there is none.
  if (mine && std::exchange(journal_, nullptr)) co_await disk_.run([] {});
}

Task<void> ServedTable::change(TableChange change) {
  const auto mine = co_await committing_.take();
  if (mine) co_await serve(std::move(change));
}

Task<void> ServedTable::replace(Table whole) {
  const auto mine = co_await committing_.take();
  if (mine) co_await serve(difference(table_, whole));
}

// Served first, then written: a table that cannot be kept is better served than not.
Task<void> ServedTable::serve(TableChange change) {
  if (change.empty()) co_return;
  apply_change(table_, change);
  co_await tell_workers(change);
  co_await predecessors_.publish(table_);
  if (!journal_) co_return;
  // The job may outlive this frame when the router ends.
  auto write = [journal = journal_, change = std::move(change),
                table = journal_->wants_table() ? table_ : Table()] {
    journal->append(change, table);
  };
  try {
    co_await disk_.run(std::move(write));
  } catch (const Error& error) {
    log_error("the route table is served but not on disk", {{"error", error.message()}});
  }
}

// Requests are served between the parts of a large change. Each entry changes at once. Workers take
// what they are told in order: they have the certificates when they answer.
Task<void> ServedTable::tell_workers(const TableChange& change) {
  certificates_.follow(change);
  const auto parts = parts_of(change);
  auto answers = std::make_shared<Answers>(workers_.size() * parts.size());
  for (auto& worker : workers_)
    for (const auto& part : parts) worker->apply(part, Answers::one(loop_, answers));
  (void)co_await answers->all.wait();
  ports_.follow(change);
}

Task<bool> ServedTable::drained(std::string upstream) {
  auto answers = std::make_shared<Answers>(workers_.size());
  for (auto& worker : workers_) worker->when_idle(upstream, Answers::one(loop_, answers));
  if (!co_await answers->all.wait()) co_return false;
  co_return co_await predecessors_.drained(upstream);
}

}  // namespace nuri::router
