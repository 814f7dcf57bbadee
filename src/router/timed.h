#pragma once

// co_await timed(5s, [&] { return socket.recv(); }): one operation on a descriptor with a limit of
// its own, without the coroutine frame and the scope that async::within would make. It ends with
// IoError::timed_out when its time is up.

#include "async/descriptor.h"

namespace nuri::router {

template <class Operation>
class Timed final : async::Timer {
 public:
  template <class Make>
  Timed(Duration limit, Make&& make) : operation_(make()), limit_(limit) {}
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> handle) {
    if (!operation_.await_suspend(handle)) return false;
    operation_.loop->arm_by_turn(*this, limit_);
    return true;
  }
  auto await_resume() {
    disarm();
    return operation_.await_resume();
  }
  // How far it came, also when it failed: bytes sent.
  std::size_t done() const { return operation_.done; }

 private:
  void on_timer() override {
    if (!operation_.parked()) return;
    if (operation_.registered) operation_.loop->forget(operation_);
    operation_.fail(IoError::timed_out);
    operation_.wake();
  }
  Operation operation_;
  Duration limit_;
};

template <class Make>
auto timed(Duration limit, Make&& make) {
  return Timed<decltype(make())>(limit, make);
}

}  // namespace nuri::router
