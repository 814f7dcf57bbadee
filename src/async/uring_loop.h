#pragma once

// The loop on io_uring(7), Linux 6.1: what a turn asks of the kernel and what the kernel has done
// since pass in one call. recv() of a stream socket is a receive in the ring, into a buffer that
// the kernel picks when bytes have come; it stays there for what comes next, and what comes while
// nobody reads is copied out of the buffer at once. A send of little is sent by the ring;
// everything else is a non-blocking call, tried when the ring's poll says that it may succeed. The
// kernel thus writes to the loop's own buffers only, and a frame may go at any time. For the
// router; EpollLoop is for where this is not available(). To be made on the thread that runs it.
// Changes the process as EpollLoop does (SIGPIPE, SIGCHLD).

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/loop.h"
#include "async/pending.h"
#include "async/uring_ring.h"
#include "base/fd.h"

namespace nuri::async {

class UringLoop final : public Loop {
 public:
  // Whether a UringLoop can be made here. Asked of the kernel once; any thread.
  static bool available() { return UringRing::available(); }

  // Throws Error if the kernel refuses (not available, or no descriptors or memory left).
  UringLoop();
  ~UringLoop() override;

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
  bool holds_bytes(SlotId slot) const override { return !left_of(slot_of(slot)).empty(); }
  std::size_t take_held(SlotId slot, std::span<char> into) override;
  std::size_t slots() const override { return open_; }
  void give_back(std::uint32_t buffer) override;

 protected:
  void turn(Wait wait) override;
  void interrupt() override;
  bool short_of_buffers() const override { return free_buffers_ < UringRing::kBuffers / 8; }

 private:
  // What the ring can have under way for a slot, one of each at a time.
  static constexpr std::uint8_t kSingle = 8;
  enum class Errand : std::uint8_t { receive, send, poll_in, poll_out, poll_end };
  enum class Way : std::uint8_t { none, asked, withdrawn };
  enum class Socket : std::uint8_t { unknown, tcp, stream, other };

  struct Slot {
    explicit Slot(std::uint32_t at) : index(at) {}
    Fd fd;
    std::uint32_t index;  // in slots_
    std::uint32_t generation = 1;
    bool closing = false;  // released; closed when nothing is under way
    Socket socket = Socket::unknown;
    bool readable = false, writable = false;  // a call may succeed: else the ring is asked first
    bool hung_up = false;
    std::array<Way, 5> under_way{};  // by Errand
    Pending reader, writer;
    Pending& pending(const Operation& one) { return one.writes() ? writer : reader; }
    HangupWatch* watch = nullptr;
    // What came while nobody read: for the next who does.
    std::string left;
    std::size_t left_at = 0;
    std::optional<int> left_error;
    bool ended = false;  // the peer's end was received
    bool stays = false;  // the receive under way does
    // Receives that do not stay, since much came at once: that is better read by calls.
    std::uint8_t single = 0;
  };

  static Way& way_of(Slot& slot, Errand errand) {
    return slot.under_way.at(static_cast<std::size_t>(errand));
  }
  static Way way_of(const Slot& slot, Errand errand) {
    return slot.under_way.at(static_cast<std::size_t>(errand));
  }
  static std::uint64_t tag_of(const Slot& slot, Errand errand);
  Slot& slot_of(SlotId id);
  const Slot& slot_of(SlotId id) const;
  static Socket socket_of(Slot& slot);
  static bool is_stream(Slot& slot) { return socket_of(slot) != Socket::other; }

  void ask(Slot& slot, Errand errand);
  void withdraw(Slot& slot, Errand errand);
  void close_if_done(Slot& slot);
  // Tries the operation: true if it ended (result set), false if it waits in a line or on the ring.
  bool attempt(Slot& slot, Operation& operation);
  bool attempt_send(Slot& slot, const Operation& operation);
  void sent(Slot& slot, int result);
  void abandon_send(Slot& slot, Operation& operation);
  bool attempt_recv(Slot& slot, Operation& operation);
  bool take_left(Slot& slot, Operation& operation);
  static std::string_view left_of(const Slot& slot);
  void leave(Slot& slot, std::string_view bytes);
  void drop_left(Slot& slot, std::size_t n);
  void stop_receives();
  bool read_and_copy(Slot& slot, Operation& operation);
  void read_into_spare(Operation& operation);
  void detach(Operation& operation);
  void ended(Operation& operation);
  void serve(Slot& slot, Operation* operation);
  void serve_lines();
  void serve_buffer_line();
  void completed(const io_uring_cqe& cqe);
  static void hung_up(Slot& slot);
  void received(Slot& slot, const io_uring_cqe& cqe);
  void poll(Wait wait);

  SystemClock clock_;
  Time turned_;  // when the kernel was last asked: timers fire by it
  Fd event_;
  UringRing ring_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::size_t open_ = 0;

  std::size_t unread_ = 0;    // bytes left, of all slots
  bool stay_in_ring_ = true;  // receives do: false while too much is unread

  // Buffers that are not lent: the kernel's, and those that came back and are kept for the line.
  std::size_t free_buffers_ = UringRing::kBuffers;
  std::vector<std::uint32_t> spare_buffers_;
  // Readers that wait for a returned buffer, first come first served; and operations whose turn is
  // over although they could go on, tried again in the next.
  List<Operation, &Operation::line_link> buffer_line_, yielded_;
};

}  // namespace nuri::async
