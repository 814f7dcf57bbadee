#pragma once

// HangupWatch: cancels a scope when a socket's peer has finished sending or is gone, whatever it
// sent before: for work that nobody waits for any longer. At most one a descriptor; it costs no
// task and, on epoll, no call. Destroying or moving the descriptor before its watch is a bug.

#include "async/descriptor.h"
#include "async/scope.h"

namespace nuri::async {

class HangupWatch {
 public:
  // A peer that is gone already cancels at once. `scope` outlives the watch.
  HangupWatch(const Descriptor& socket, Scope& scope)
      : loop_(socket.loop()), slot_(socket.slot()), scope_(scope) {
    loop_.watch(slot_, *this);
  }
  ~HangupWatch() { loop_.unwatch(slot_); }
  HangupWatch(const HangupWatch&) = delete;
  HangupWatch& operator=(const HangupWatch&) = delete;

  bool hung_up() const { return hung_up_; }
  // For the loop.
  void tell() {
    hung_up_ = true;
    scope_.cancel();
  }

 private:
  Loop& loop_;
  SlotId slot_;
  Scope& scope_;
  bool hung_up_ = false;
};

}  // namespace nuri::async
