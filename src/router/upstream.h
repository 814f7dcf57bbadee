#pragma once

// One instance as one worker sees it: how it is reached, what is in flight, whether it can be used.
// One loop's thread.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "async/descriptor.h"
#include "async/event.h"
#include "async/task.h"
#include "model/route_table.h"
#include "net/address.h"
#include "net/packet_socket.h"

namespace nuri::async {
class TaskGroup;
}

namespace nuri::router {

class Upstream : public std::enable_shared_from_this<Upstream> {
 public:
  Upstream(async::Loop& loop, async::TaskGroup& group, model::Upstream spec);
  ~Upstream();

  const model::Upstream& spec() const { return spec_; }

  // A connected socket: one kept from an earlier request, or a new one. `fresh`: never a kept one.
  // IoError: refused (nothing listens), unreachable (the instance is gone).
  struct Lease {
    async::Descriptor socket;
    bool kept = false;
  };
  Task<IoResult<Lease>> connect(bool fresh);
  // Keeps an idle connection for the next request.
  void keep(async::Descriptor socket);

  // Requests in flight.
  int outstanding() const { return outstanding_; }
  void begin() { ++outstanding_; }
  void end();
  // Calls `then` when nothing is in flight (at once if so).
  void when_idle(std::function<void()> then);

  // False: it is gone, or it failed lately and is left alone for a while.
  bool usable(Time now) const { return !gone_ && now >= banned_until_; }
  bool gone() const { return gone_; }
  // Passive ejection: after kFailuresToEject failures in a row it is left alone, 1 s doubling to 30
  // s.
  void succeeded();
  void failed(Time now);

 private:
  Task<IoResult<async::Descriptor>> connect_address();
  Task<IoResult<async::Descriptor>> connect_door();
  Task<IoResult<void>> more_sockets();
  Task<IoResult<void>> open_door();
  Task<void> watch_door(std::shared_ptr<Upstream> self);

  async::Loop& loop_;
  async::TaskGroup& group_;
  model::Upstream spec_;
  std::vector<async::Descriptor> idle_;
  int outstanding_ = 0;
  std::vector<std::function<void()>> idle_calls_;
  bool gone_ = false;
  int failures_ = 0;
  int bans_ = 0;
  Time banned_until_;

  // The shim's door: sockets made inside the instance, and where to connect them.
  net::PacketSocket door_;
  bool opening_ = false;
  bool asking_ = false;
  std::uint32_t next_ask_ = 2;
  async::Event door_changed_;
  std::vector<Fd> sockets_;
  net::Address sockets_to_;
  IoError door_error_{};
};

}  // namespace nuri::router
