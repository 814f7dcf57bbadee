#pragma once

// The other side of the router's admin socket: what the server tells it, and where a supervisor
// gets the listening sockets back.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "async/event.h"
#include "net/listener.h"
#include "net/packet_socket.h"
#include "router/table_journal.h"

namespace nuri::router {

class TableFeed {
 public:
  TableFeed(async::Loop& loop, std::string socket_path)
      : loop_(loop), path_(std::move(socket_path)) {}

  // Keeps the connection, and on each new one sends the whole table. Until cancelled.
  Task<void> run();
  // Makes `table` the router's; returns once all workers serve it. Waits for the router as long as
  // the scope's deadline lets it.
  Task<IoResult<void>> publish(std::vector<model::RouteEntry> table);
  // Returns once no request is in flight to the upstream.
  Task<IoResult<void>> drained(std::string upstream);

 private:
  Task<IoResult<void>> send(FeedMessage message);
  Task<void> push_table();
  Task<void> read_replies();

  async::Loop& loop_;
  std::string path_;
  net::PacketSocket socket_;
  bool connected_ = false;
  Table wanted_;
  Table sent_;                      // on this connection
  std::uint64_t version_ = 0;       // of wanted_
  std::uint64_t acknowledged_ = 0;  // committed by the router
  bool have_table_ = false;
  bool sending_ = false;
  async::Event changed_;
  std::map<std::string, std::size_t> drained_;  // answers that came
};

// Blocking. The listening sockets that a running router holds; empty if there is none.
std::vector<net::HandedIn> fetch_listeners(const std::string& socket_path);

}  // namespace nuri::router
