#pragma once

// The server's connection to `nuri host` (engine/host_protocol.h): kept up, requests in any order.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "async/event.h"
#include "base/error.h"
#include "engine/host_protocol.h"
#include "net/packet_socket.h"

namespace nuri::engine::local {

class HostClient {
 public:
  // `changed` is pulsed when an instance ended, and when a connection was made.
  HostClient(async::Loop& loop, std::string socket_path, async::Event& changed)
      : loop_(loop), path_(std::move(socket_path)), changed_(changed) {}

  // Connects, again and again, until cancelled.
  Task<void> run();

  // Sends and waits. `fds` stay the caller's. Throws what the host answered; Error{unavailable}
  // without a connection for 2 s (a host that is started anew is waited for), or if it breaks (then
  // the request may have been carried out); timeout and cancelled from the scope.
  Task<host::Reply> call(host::Request request, std::vector<int> fds = {});

  // call, and the answer must be an R.
  template <class R>
  Task<R> ask(host::Request request, std::vector<int> fds = {}) {
    auto reply = co_await call(std::move(request), std::move(fds));
    if (auto* answer = std::get_if<R>(&reply)) co_return std::move(*answer);
    throw Error(Code::internal, "nuri host gave an answer of another kind than was asked for");
  }

  // What the host said of itself; nullopt before the first connection.
  const std::optional<host::Welcome>& welcome() const { return welcome_; }
  bool connected() const { return connected_.is_set(); }

 private:
  struct Pending {
    std::optional<host::Reply> reply;
    bool broken = false;
    async::Event arrived;
  };
  Task<void> serve_connection();
  Task<IoResult<void>> greet();
  Task<IoResult<void>> until_connected() { co_return co_await connected_.wait(); }
  Task<IoResult<void>> read_all();
  void deliver(host::HostMessage message);
  void break_off();

  async::Loop& loop_;
  std::string path_;
  async::Event& changed_;
  net::PacketSocket socket_;
  async::Event connected_;
  bool sending_ = false;
  async::Event sent_;
  std::optional<host::Welcome> welcome_;
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, Pending*> pending_;
  async::Event answered_;  // one of pending_ has left
};

}  // namespace nuri::engine::local
