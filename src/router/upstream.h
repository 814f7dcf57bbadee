#pragma once

// One instance as one worker sees it: how it is reached, what is in flight, whether it can be used.
// One loop's thread.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/descriptor.h"
#include "async/event.h"
#include "async/task.h"
#include "async/task_group.h"
#include "model/route_table.h"
#include "net/address.h"
#include "net/packet_socket.h"
#include "router/counters.h"
#include "router/slots.h"
#include "router/wire.h"

namespace nuri::router {

class Upstream {
 public:
  Upstream(async::Loop& loop, model::Upstream spec);
  // Closes its connections, the door's too. Nobody may be in connect().
  ~Upstream();

  const model::Upstream& spec() const { return spec_; }
  // Whether it is the one that `spec` means: its weight may differ, that is the route's.
  bool is(const model::Upstream& spec) const;

  // A connection kept from an earlier request, if one is still good. `look`: ask the kernel, for a
  // request that could not be sent again on another one; else what the loop has seen is enough.
  enum class Look { no, yes };
  std::optional<Line> take_kept(Look look);
  // A new connection. IoError: refused (nothing listens), unreachable (the instance is gone).
  Task<IoResult<Line>> connect();
  // Keeps an idle connection for the next request.
  void keep(Line line);
  // Closes kept connections that the app has closed or nobody has used for a while.
  void prune(Time now);

  // Requests in flight.
  int outstanding() const { return outstanding_; }
  void begin() {
    ++outstanding_;
    ++counters_.requests;
  }
  void end();
  // One more, counted until it is destroyed, also when a frame is.
  class InFlight {
   public:
    explicit InFlight(Upstream& upstream) : upstream_(upstream) { upstream_.begin(); }
    ~InFlight() { upstream_.end(); }
    InFlight(const InFlight&) = delete;
    InFlight& operator=(const InFlight&) = delete;

   private:
    Upstream& upstream_;
  };
  // Calls `then` when nothing is in flight (at once if so).
  void when_idle(std::function<void()> then);

  // False: it is gone, or it failed lately and is left alone for a while. After that one request at
  // a time is let through until one succeeds.
  bool usable(Time now) const {
    return !gone_ && now >= banned_until_ && (bans_ == 0 || outstanding_ == 0);
  }
  bool gone() const { return gone_; }
  // Passive ejection: after 5 failures in a row it is left alone, 1 s doubling to 32 s.
  void succeeded();
  void failed(Time now);
  InstanceCounters counted() const;

  // What limits the requests in flight to it, on all workers together; null: nothing.
  const std::shared_ptr<Slots>& slots() const { return slots_; }
  void set_slots(std::shared_ptr<Slots> slots) { slots_ = std::move(slots); }
  bool full() const { return slots_ && slots_->full(); }

 private:
  struct Kept {
    Line line;
    Time since;
  };
  Task<IoResult<async::Descriptor>> connect_address();
  Task<IoResult<async::Descriptor>> connect_door();
  Task<IoResult<void>> more_sockets();
  Task<IoResult<void>> ask();
  Task<IoResult<void>> open_door();
  Task<void> watch_door();
  bool take(net::PacketSocket::Packet packet);
  void leave();

  async::Loop& loop_;
  model::Upstream spec_;
  std::vector<Kept> idle_;  // latest used last
  int outstanding_ = 0;
  InstanceCounters counters_;
  std::shared_ptr<Slots> slots_;
  std::vector<std::function<void()>> idle_calls_;
  bool gone_ = false;
  int failures_ = 0;
  int bans_ = 0;
  Time banned_until_;

  // The shim's door: sockets made inside the instance, and where to connect them.
  net::PacketSocket door_;
  bool asking_ = false;
  int waiting_ = 0;  // for sockets
  std::uint32_t next_ask_ = 2;
  async::Event door_changed_;
  std::vector<Fd> sockets_;
  net::Address sockets_to_;
  std::optional<IoError> door_error_;  // what the last ask was refused with
  async::TaskGroup watch_;             // last: what runs in it uses the rest
};

}  // namespace nuri::router
