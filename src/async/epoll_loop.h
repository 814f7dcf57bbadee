#pragma once

// The loop on epoll(7), edge-triggered: a descriptor is registered once, readiness is kept in its
// slot, and a call is tried only when it may succeed. For server, host, shim's clients and CLI, and
// for the router where io_uring is forbidden. Making one changes the process: SIGPIPE is ignored (a
// write without a reader is a result), SIGCHLD is not (else the kernel would reap our children).

#include <memory>
#include <vector>

#include "async/loop.h"
#include "async/pending.h"
#include "base/fd.h"

namespace nuri::async {

class EpollLoop final : public Loop {
 public:
  // Throws Error if the kernel gives no epoll or eventfd (descriptor limit).
  EpollLoop();
  ~EpollLoop() override;

  Time now() const override { return clock_.now(); }
  Time turned() const override { return turned_; }
  WallTime wall() const override { return clock_.wall(); }
  SlotId adopt(Fd fd) override;
  void release(SlotId slot) override;
  int native(SlotId slot) const override;
  bool start(Operation& operation) override;
  void forget(Operation& operation) override;
  void watch(SlotId slot, HangupWatch& watch) override;
  void unwatch(SlotId slot) override;
  bool seen_quiet(SlotId slot) const override;
  std::size_t slots() const override { return open_; }
  void give_back(std::uint32_t buffer) override;

 protected:
  void turn(Wait wait) override;
  void interrupt() override;
  bool short_of_buffers() const override;

 private:
  struct Slot {
    Fd fd;
    std::uint32_t generation = 1;
    bool polled = false;  // false: a regular file, always ready
    bool stream = false;  // a short read has drained it; known once `asked`
    bool asked = false;
    bool readable = false, writable = false, hung_up = false;
    Pending reader, writer;
    Pending& pending(const Operation& one) { return one.writes() ? writer : reader; }
    HangupWatch* watch = nullptr;
  };

  Slot& slot_of(SlotId id);
  const Slot& slot_of(SlotId id) const;
  // Tries the operation: true if it ended (result set), false if it must wait for readiness.
  bool attempt(Slot& slot, Operation& operation);
  // With a buffer at hand.
  bool attempt_recv(Slot& slot, Operation& operation);
  bool drained_by(Slot& slot, std::size_t bytes);
  bool has_buffer() const;
  void ended(Operation& operation);
  void serve(Slot& slot);
  void serve_lines();
  void poll(Wait wait);

  SystemClock clock_;
  Time turned_;  // when the kernel was last asked: timers fire by it
  Fd epoll_;
  Fd event_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::size_t open_ = 0;

  std::vector<std::unique_ptr<char[]>> buffers_;
  std::vector<std::uint32_t> free_buffers_;
  // Readers that wait for a returned buffer, first come first served; and operations whose turn is
  // over although they could go on, tried again in the next.
  List<Operation, &Operation::line_link> buffer_line_, yielded_;
};

}  // namespace nuri::async
