#include "router/admin.h"

#include <algorithm>

#include "async/deadline.h"
#include "base/limits.h"
#include "base/log.h"

namespace nuri::router {
namespace {

constexpr std::size_t kConnections = 16;
constexpr std::size_t kDrains = 4096;  // asked for and not yet answered, of one connection
constexpr std::size_t kEntriesAtOnce = 256;
constexpr Duration kSendDeadline = 10s;

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

// Requests are served between the parts of a large change. Each entry changes at once.
Task<void> tell_workers(async::Loop& loop, Admin::Workers& workers, const TableChange& change) {
  std::vector<std::shared_ptr<TableChange>> parts;
  const auto part_with_room = [&]() -> TableChange& {
    if (parts.empty() || parts.back()->put.size() + parts.back()->remove.size() >= kEntriesAtOnce)
      parts.push_back(std::make_shared<TableChange>());
    return *parts.back();
  };
  for (const auto& key : change.remove) part_with_room().remove.push_back(key);
  for (const auto& entry : change.put) part_with_room().put.push_back(entry);
  auto answers = std::make_shared<Answers>(workers.size() * parts.size());
  for (auto& worker : workers)
    for (const auto& part : parts) worker->apply(part, Answers::one(loop, answers));
  if (!parts.empty()) (void)co_await answers->all.wait();
}

// What was said since the last commit: the last word on each key counts.
using Pending = std::map<RouteKey, std::optional<model::RouteEntry>>;

void note(Pending& pending, TableChange change) {
  for (auto& key : change.remove) pending[std::move(key)] = std::nullopt;
  for (auto& entry : change.put) {
    auto& place = pending[key_of(entry)];
    place = std::move(entry);
  }
}

TableChange change_of(Pending pending) {
  TableChange change;
  for (auto& [key, entry] : pending) {
    if (entry)
      change.put.push_back(std::move(*entry));
    else
      change.remove.push_back(key);
  }
  return change;
}

}  // namespace

struct Admin::Conversation {
  explicit Conversation(net::PacketSocket s) : socket(std::move(s)) {}
  net::PacketSocket socket;
  Turn sending;
  bool whole = false;  // a whole table is being sent
  Table incoming;
  Pending pending;
};

Admin::Admin(async::Loop& loop, std::string table_file, std::vector<unsigned> uids,
             const std::vector<net::HandedIn>& listeners, Workers& workers)
    : loop_(loop),
      uids_(std::move(uids)),
      listeners_(listeners),
      workers_(workers),
      journal_(std::make_shared<TableJournal>(std::move(table_file))) {}

Task<void> Admin::restore() {
  table_ = journal_->load();
  log_info("serving the routes from disk", {{"routes", table_.size()}});
  const TableChange all = difference({}, table_);
  co_await tell_workers(loop_, workers_, all);
}

Task<void> Admin::serve(Fd listener) {
  async::Descriptor socket(loop_, std::move(listener));
  async::TaskGroup group(co_await async::current_scope());
  for (;;) {
    auto accepted = co_await socket.accept();
    if (!accepted && accepted.error() == IoError::cancelled) break;
    if (accepted && group.size() < kConnections)
      group.spawn(converse(net::PacketSocket(loop_, std::move(*accepted))));
    else if (!accepted && !co_await async::sleep(50ms))
      break;
  }
  group.cancel();
  co_await group.join();
}

Task<void> Admin::converse(net::PacketSocket socket) {
  const auto uid = socket.peer().uid;
  if (uid != 0 && std::find(uids_.begin(), uids_.end(), uid) == uids_.end()) {
    log_warn("a stranger at the router's socket", {{"uid", uid}});
    co_return;
  }
  Conversation conversation(std::move(socket));
  async::TaskGroup drains(co_await async::current_scope());
  for (;;) {
    auto packet = co_await conversation.socket.receive(limits::kHostMessageBytes);
    if (!packet || packet->end()) break;
    std::optional<FeedMessage> message;
    try {
      message = parse_feed_message(packet->text);
    } catch (const Error& error) {
      log_error("a message to the router cannot be read", {{"error", error.message()}});
    }
    if (!message) break;
    if (auto* drain = std::get_if<Drain>(&*message)) {
      if (drains.size() >= kDrains) break;
      drains.spawn(answer_drained(conversation, std::move(drain->upstream)));
    } else if (!co_await handle(conversation, std::move(*message))) {
      break;
    }
  }
  drains.cancel();
  co_await drains.join();
}

Task<bool> Admin::handle(Conversation& c, FeedMessage message) {
  if (std::holds_alternative<Begin>(message)) {
    c.whole = true;
    c.incoming.clear();
    c.pending.clear();
  } else if (auto* change = std::get_if<TableChange>(&message)) {
    if (c.whole)
      apply_change(c.incoming, *change);
    else
      note(c.pending, std::move(*change));
  } else if (const auto* end = std::get_if<Commit>(&message)) {
    std::optional<Table> whole;
    if (std::exchange(c.whole, false)) whole = std::exchange(c.incoming, {});
    co_await commit(std::move(whole), change_of(std::exchange(c.pending, {})));
    co_return (co_await say(c, encode(FeedReply(Committed{end->number})))).has_value();
  } else if (std::holds_alternative<FetchListeners>(message)) {
    ListenerNames names;
    std::vector<int> fds;
    for (const auto& listener : listeners_) {
      names.names.push_back(listener.name);
      fds.push_back(listener.fd.get());
    }
    co_return (co_await say(c, encode(FeedReply(names)), std::move(fds))).has_value();
  }
  co_return true;
}

Task<IoResult<void>> Admin::say(Conversation& c, std::string text, std::vector<int> fds) {
  const auto mine = co_await c.sending.take();
  if (!mine) co_return std::unexpected(mine.error());
  co_return co_await async::within(kSendDeadline, c.socket.send(std::move(text), std::move(fds)));
}

// Served first, then written: a table that cannot be kept is better served than not.
Task<void> Admin::commit(std::optional<Table> whole, TableChange change) {
  const auto mine = co_await committing_.take();
  if (!mine) co_return;
  if (whole) change = difference(table_, *whole);
  if (change.empty()) co_return;
  apply_change(table_, change);
  co_await tell_workers(loop_, workers_, change);
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

Task<void> Admin::answer_drained(Conversation& c, std::string upstream) {
  auto answers = std::make_shared<Answers>(workers_.size());
  for (auto& worker : workers_) worker->when_idle(upstream, Answers::one(loop_, answers));
  if (!co_await answers->all.wait()) co_return;
  (void)co_await say(c, encode(FeedReply(Drained{std::move(upstream)})));
}

}  // namespace nuri::router
