#include "router/router.h"

#include <fmt/format.h>

#include <algorithm>

#include "async/channel.h"
#include "async/deadline.h"
#include "async/task_group.h"
#include "base/limits.h"
#include "base/log.h"
#include "net/packet_socket.h"
#include "router/dns.h"
#include "router/table_journal.h"
#include "router/worker.h"

namespace nuri::router {
namespace {

constexpr std::size_t kConnections = 16;  // of the admin socket

class Admin {
 public:
  Admin(async::Loop& loop, RouterOptions& options, std::vector<std::unique_ptr<Worker>>& workers)
      : loop_(loop), options_(options), workers_(workers), journal_(options.table_file) {}

  // What was served last, at once.
  Task<void> restore() {
    table_ = journal_.load();
    log_info("serving the routes from disk", {{"routes", table_.size()}});
    co_await tell_workers(difference({}, table_));
  }

  Task<void> serve(Fd listener) {
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

 private:
  struct Conversation {
    bool whole = false;  // a whole table is being sent
    Table incoming;
    TableChange pending;
  };

  Task<void> converse(net::PacketSocket socket) {
    const auto uid = socket.peer().uid;
    if (uid != 0 && std::find(options_.admin_uids.begin(), options_.admin_uids.end(), uid) ==
                        options_.admin_uids.end()) {
      log_warn("a stranger at the router's socket", {{"uid", uid}});
      co_return;
    }
    Conversation conversation;
    async::TaskGroup waits(co_await async::current_scope());
    for (;;) {
      auto packet = co_await socket.receive(limits::kHostMessageBytes);
      if (!packet || packet->end()) break;
      std::optional<FeedMessage> message;
      try {
        message = parse_feed_message(packet->text);
      } catch (const Error& error) {
        log_error("a message to the router cannot be read", {{"error", error.message()}});
      }
      if (!message) break;
      if (auto* drain = std::get_if<Drain>(&*message)) {
        waits.spawn(answer_drained(socket, drain->upstream));
      } else if (!co_await handle(socket, conversation, *message)) {
        break;
      }
    }
    waits.cancel();
    co_await waits.join();
  }

  Task<bool> handle(net::PacketSocket& socket, Conversation& c, const FeedMessage& message) {
    if (std::holds_alternative<Begin>(message)) {
      c.whole = true;
      c.incoming.clear();
    } else if (const auto* change = std::get_if<TableChange>(&message)) {
      if (c.whole)
        apply_change(c.incoming, *change);
      else
        append(c.pending, *change);
    } else if (const auto* commit = std::get_if<Commit>(&message)) {
      Table next = c.whole ? std::move(c.incoming) : table_;
      if (!c.whole) apply_change(next, c.pending);
      c = {};
      if (!co_await take(std::move(next))) co_return false;
      co_return (co_await socket.send(encode(FeedReply(Committed{commit->number})))).has_value();
    } else if (std::holds_alternative<FetchListeners>(message)) {
      ListenerNames names;
      std::vector<int> fds;
      for (const auto& listener : options_.listeners) {
        names.names.push_back(listener.name);
        fds.push_back(listener.fd.get());
      }
      co_return (co_await socket.send(encode(FeedReply(names)), fds)).has_value();
    }
    co_return true;
  }

  static void append(TableChange& to, const TableChange& change) {
    to.put.insert(to.put.end(), change.put.begin(), change.put.end());
    to.remove.insert(to.remove.end(), change.remove.begin(), change.remove.end());
  }

  // Served first, then written: a table that cannot be kept is better served than not.
  Task<bool> take(Table next) {
    const TableChange change = difference(table_, next);
    table_ = std::move(next);
    if (change.empty()) co_return true;
    co_await tell_workers(change);
    try {
      journal_.append(change, table_);
    } catch (const Error& error) {
      log_error("the route table is served but not on disk", {{"error", error.message()}});
    }
    co_return true;
  }

  Task<void> tell_workers(TableChange change) {
    struct Count {
      std::size_t left;
      async::Event all;
    };
    auto count = std::make_shared<Count>(workers_.size());
    for (auto& worker : workers_)
      worker->apply(change, [this, count] {
        loop_.post([count] {
          if (--count->left == 0) count->all.set();
        });
      });
    (void)co_await count->all.wait();
  }

  Task<void> answer_drained(net::PacketSocket& socket, std::string upstream) {
    struct Count {
      std::size_t left;
      async::Event all;
    };
    auto count = std::make_shared<Count>(workers_.size());
    for (auto& worker : workers_)
      worker->when_idle(upstream, [this, count] {
        loop_.post([count] {
          if (--count->left == 0) count->all.set();
        });
      });
    if (!co_await count->all.wait()) co_return;
    // Answers to others may be under way on this socket: SEQPACKET sends are whole or wait their
    // turn.
    while (sending_)
      if (!co_await sent_.wait()) co_return;
    sending_ = true;
    (void)co_await socket.send(encode(FeedReply(Drained{upstream})));
    sending_ = false;
    sent_.pulse();
  }

  async::Loop& loop_;
  RouterOptions& options_;
  std::vector<std::unique_ptr<Worker>>& workers_;
  TableJournal journal_;
  Table table_;
  bool sending_ = false;
  async::Event sent_;
};

Fd duplicate(const Fd& fd) {
  Fd copy(::dup(fd.get()));
  if (!copy) throw Error(Code::unavailable, "out of file descriptors");
  return copy;
}

Task<void> forever() {
  async::Event never;
  (void)co_await never.wait();
}

}  // namespace

Task<void> run_router(async::Loop& loop, RouterOptions options) {
  std::vector<std::unique_ptr<Worker>> workers;
  async::TaskGroup group(co_await async::current_scope());
  for (const auto& listener : options.listeners)
    if (listener.name == "apps")
      for (std::size_t n = 0; n < options.workers; ++n)
        workers.push_back(
            std::make_unique<Worker>(n, duplicate(listener.fd), options.logs_directory));
  if (workers.empty())
    throw Error(Code::bad_request, "the router was given no socket to serve apps on");
  for (const auto& listener : options.listeners) {
    if (listener.name == "dns-udp") group.spawn(serve_dns_datagrams(loop, duplicate(listener.fd)));
    if (listener.name == "dns-tcp") group.spawn(serve_dns_streams(loop, duplicate(listener.fd)));
  }
  Admin admin(loop, options, workers);
  co_await admin.restore();
  group.spawn(admin.serve(net::listen_packets(options.admin_socket, 0660)));
  group.spawn(forever());
  co_await group.join();
  // Two steps, so that all of them drain at the same time.
  std::vector<std::thread> stops;
  for (auto& worker : workers)
    stops.emplace_back([&worker] { worker->stop(limits::kDrainDeadline); });
  for (auto& stop : stops) stop.join();
}

}  // namespace nuri::router
