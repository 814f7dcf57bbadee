#include "router/table_feed.h"

#include <sys/socket.h>

#include <algorithm>

#include "async/deadline.h"
#include "async/epoll_loop.h"
#include "async/task_group.h"
#include "base/limits.h"
#include "base/log.h"

namespace nuri::router {
namespace {

constexpr Duration kReconnect = 100ms;
constexpr std::size_t kPieceBytes = limits::kHostMessageBytes / 2;

Task<IoResult<std::vector<net::HandedIn>>> ask_for_listeners(async::Loop& loop, std::string path) {
  auto socket = co_await net::PacketSocket::connect(loop, std::move(path));
  if (!socket) co_return std::unexpected(socket.error());
  if (auto sent = co_await socket->send(encode(FeedMessage(FetchListeners{}))); !sent)
    co_return std::unexpected(sent.error());
  auto packet = co_await socket->receive(limits::kHostMessageBytes);
  if (!packet) co_return std::unexpected(packet.error());
  std::vector<net::HandedIn> out;
  try {
    const FeedReply reply = parse_feed_reply(packet->text);
    const auto* names = std::get_if<ListenerNames>(&reply);
    if (!names || names->names.size() != packet->fds.size())
      co_return std::unexpected(IoError::malformed);
    for (std::size_t n = 0; n < packet->fds.size(); ++n)
      out.push_back({names->names[n], std::move(packet->fds[n])});
  } catch (const Error&) {
    co_return std::unexpected(IoError::malformed);
  }
  co_return out;
}

}  // namespace

std::vector<net::HandedIn> fetch_listeners(const std::string& socket_path) {
  async::EpollLoop loop;
  auto listeners = loop.run(async::within(5s, ask_for_listeners(loop, socket_path)));
  return listeners ? std::move(*listeners) : std::vector<net::HandedIn>();
}

Task<IoResult<void>> TableFeed::send(FeedMessage message) {
  const auto mine = co_await sending_.take();
  if (!mine) co_return std::unexpected(mine.error());
  const auto socket = socket_;
  if (!socket) co_return std::unexpected(IoError::unreachable);
  co_return co_await socket->send(encode(message));
}

Task<void> TableFeed::run() {
  for (;;) {
    if (auto socket = co_await net::PacketSocket::connect(loop_, path_))
      co_await converse(std::move(*socket));
    if (!co_await async::sleep(kReconnect)) co_return;
  }
}

Task<IoResult<void>> TableFeed::run_once() {
  auto socket = co_await net::PacketSocket::connect(loop_, path_);
  if (socket) co_await converse(std::move(*socket));
  over_ = true;
  changed_.pulse();
  if (!socket) co_return std::unexpected(socket.error());
  co_return IoResult<void>{};
}

Task<void> TableFeed::converse(net::PacketSocket socket) {
  socket_ = std::make_shared<net::PacketSocket>(std::move(socket));
  acknowledged_ = 0;
  changed_.pulse();
  async::TaskGroup group(co_await async::current_scope());
  group.spawn(push_table());
  co_await read_replies();
  group.cancel();
  co_await group.join();
  // A send that still waits there ends now.
  ::shutdown(socket_->native(), SHUT_RDWR);
  socket_ = nullptr;
  changed_.pulse();
}

// First the whole table, then what changed, each time it does.
Task<void> TableFeed::push_table() {
  bool whole = true;
  std::uint64_t pushed = 0;
  for (;;) {
    while (!have_table_ || (!whole && pushed == version_))
      if (!co_await changed_.wait()) co_return;
    const std::uint64_t version = version_;
    if (whole) sent_ = {};
    TableChange change = difference(sent_, wanted_);
    apply_change(sent_, change);
    if (whole && !co_await send(Begin{})) co_return;
    for (TableChange& piece : split(std::move(change), kPieceBytes))
      if (!co_await send(std::move(piece))) co_return;
    if (!co_await send(Commit{version})) co_return;
    whole = false;
    pushed = version;
  }
}

Task<void> TableFeed::read_replies() {
  for (;;) {
    auto packet = co_await socket_->receive(limits::kHostMessageBytes);
    if (!packet || packet->end()) co_return;
    try {
      take(parse_feed_reply(packet->text));
    } catch (const Error& error) {
      log_error("an answer of the router cannot be read", {{"error", error.message()}});
      co_return;
    }
    changed_.pulse();
  }
}

void TableFeed::take(const FeedReply& reply) {
  if (const auto* committed = std::get_if<Committed>(&reply)) acknowledged_ = committed->number;
  if (const auto* wake = std::get_if<Wake>(&reply))
    if (on_wake_) on_wake_(wake->app);
  if (const auto* drained = std::get_if<Drained>(&reply)) {
    // Each ask has its own answer; which of several equal ones does not matter.
    const auto waiting = std::ranges::find_if(drains_, [&](const Waiting& one) {
      return !one.done && one.upstream == drained->upstream;
    });
    if (waiting != drains_.end()) waiting->done = true;
  }
}

Task<IoResult<void>> TableFeed::publish(model::RouteTable table) {
  return publish_table(table_of(std::move(table)));
}

Task<IoResult<void>> TableFeed::publish_table(Table next) {
  if (!have_table_ || next != wanted_) ++version_;
  wanted_ = std::move(next);
  have_table_ = true;
  const std::uint64_t version = version_;
  changed_.pulse();
  while (acknowledged_ < version) {
    if (over_) co_return std::unexpected(IoError::reset);
    if (auto waited = co_await changed_.wait(); !waited) co_return waited;
  }
  co_return IoResult<void>{};
}

Task<IoResult<void>> TableFeed::drained(std::string upstream) {
  const auto socket = socket_;
  struct Place {
    std::list<Waiting>& all;
    std::list<Waiting>::iterator at;
    ~Place() { all.erase(at); }
  };
  const Place place{drains_, drains_.insert(drains_.end(), Waiting{upstream})};
  if (auto sent = co_await send(Drain{std::move(upstream)}); !sent) co_return sent;
  while (!place.at->done) {
    if (!socket || socket != socket_) co_return std::unexpected(IoError::reset);
    if (auto waited = co_await changed_.wait(); !waited) co_return waited;
  }
  co_return IoResult<void>{};
}

}  // namespace nuri::router
