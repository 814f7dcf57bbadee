#include "router/admin.h"

#include <algorithm>

#include "async/deadline.h"
#include "base/limits.h"
#include "base/log.h"

namespace nuri::router {
namespace {

constexpr std::size_t kConnections = 16;
constexpr std::size_t kDrains = 4096;  // asked for and not yet answered, of one connection
constexpr Duration kSendDeadline = 10s;

}  // namespace

struct Admin::Conversation {
  explicit Conversation(net::PacketSocket s) : socket(std::move(s)) {}
  net::PacketSocket socket;
  Turn sending;
  async::TaskGroup* saying = nullptr;  // what is said unasked
  bool whole = false;                  // a whole table is being sent
  Table incoming;
  TableWords pending;  // said since the last commit
};

struct Admin::Listed {
  Listed(std::vector<Conversation*>& all, Conversation& one) : all_(all), one_(one) {
    all_.push_back(&one_);
  }
  ~Listed() { std::erase(all_, &one_); }
  Listed(const Listed&) = delete;
  Listed& operator=(const Listed&) = delete;

 private:
  std::vector<Conversation*>& all_;
  Conversation& one_;
};

void Admin::wake(const std::string& app) {
  for (Conversation* one : conversations_)
    if (one->saying->size() < kDrains) one->saying->spawn(say_wake(*one, app));
}

Task<void> Admin::say_wake(Conversation& c, std::string app) {
  (void)co_await say(c, encode(FeedReply(Wake{std::move(app)})));
}

Admin::Admin(async::Loop& loop, ServedTable& table, std::vector<unsigned> uids,
             const std::vector<net::HandedIn>& listeners)
    : loop_(loop), table_(table), uids_(std::move(uids)), listeners_(listeners) {}

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
  conversation.saying = &drains;
  const Listed listed(conversations_, conversation);
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
    c.incoming = {};
    c.pending.clear();
  } else if (auto* change = std::get_if<TableChange>(&message)) {
    if (c.whole)
      apply_change(c.incoming, *change);
    else
      c.pending.note(std::move(*change));
  } else if (const auto* end = std::get_if<Commit>(&message)) {
    if (std::exchange(c.whole, false))
      co_await table_.replace(std::exchange(c.incoming, {}));
    else
      co_await table_.change(c.pending.take());
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

Task<void> Admin::answer_drained(Conversation& c, std::string upstream) {
  if (!co_await table_.drained(upstream)) co_return;
  (void)co_await say(c, encode(FeedReply(Drained{std::move(upstream)})));
}

}  // namespace nuri::router
