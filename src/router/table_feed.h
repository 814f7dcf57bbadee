#pragma once

// The other side of the router's admin socket: what the server tells it, and where a supervisor
// gets the listening sockets back.

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "async/event.h"
#include "net/listener.h"
#include "net/packet_socket.h"
#include "router/table.h"
#include "router/turn.h"

namespace nuri::router {

class TableFeed {
 public:
  // `on_wake`: called with an app that requests wait for.
  using OnWake = std::function<void(const std::string& app)>;
  TableFeed(async::Loop& loop, std::string socket_path, OnWake on_wake = {})
      : loop_(loop), path_(std::move(socket_path)), on_wake_(std::move(on_wake)) {}

  // Keeps the connection, and on each new one sends the whole table. Until cancelled.
  Task<void> run();
  // One connection, until it ends: after that nobody speaks for this router any more. An error:
  // there was none.
  Task<IoResult<void>> run_once();
  bool over() const { return over_; }
  // Makes `table` the router's; returns once all workers serve it. Waits for the router as long as
  // the scope's deadline lets it.
  Task<IoResult<void>> publish(model::RouteTable table);
  Task<IoResult<void>> publish_table(Table table);
  // Returns once no request is in flight to the upstream. IoError: unreachable, reset if there is
  // no router, or not any more.
  Task<IoResult<void>> drained(std::string upstream);

 private:
  struct Waiting {
    std::string upstream;
    bool done = false;
  };
  Task<IoResult<void>> send(FeedMessage message);
  Task<void> converse(net::PacketSocket socket);
  Task<void> push_table();
  Task<void> read_replies();
  void take(const FeedReply& reply);

  async::Loop& loop_;
  std::string path_;
  OnWake on_wake_;
  std::shared_ptr<net::PacketSocket> socket_;  // shared with sends under way; null: no router
  Turn sending_;
  Table wanted_;
  Table sent_;                      // on this connection
  std::uint64_t version_ = 0;       // of wanted_
  std::uint64_t acknowledged_ = 0;  // committed by the router on this connection
  bool have_table_ = false;
  bool over_ = false;  // the only connection has ended
  async::Event changed_;
  std::list<Waiting> drains_;
};

// Blocking. The listening sockets that a running router holds; empty if there is none.
std::vector<net::HandedIn> fetch_listeners(const std::string& socket_path);

}  // namespace nuri::router
