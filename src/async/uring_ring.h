#pragma once

// UringRing: the kernel's side of UringLoop: one io_uring (io_uring(7)) and a ring of receive
// buffers provided to it. It knows tags and descriptors, no slots and no tasks. What it asks the
// kernel for is either an event (poll) or bytes into a buffer of its own, so the kernel never
// writes to what a caller may free. One thread: the one that made it.

#include <liburing.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/limits.h"

namespace nuri::async {

class UringRing {
 public:
  static constexpr std::uint32_t kBuffers = 512;  // of limits::kChunkBytes each

  // Whether the kernel has what is needed (Linux 6.1) and permits it: containers and
  // kernel.io_uring_disabled often do not. Asked once; any thread.
  static bool available();

  // Throws Error if the kernel refuses.
  UringRing();
  ~UringRing();
  UringRing(const UringRing&) = delete;
  UringRing& operator=(const UringRing&) = delete;

  // Each of these is handed to the kernel by the next enter(); `tag` comes back with its
  // completion. One completion each; with each_time any number, all but the last with
  // IORING_CQE_F_MORE.
  enum class Often { once, each_time };
  void poll(int fd, unsigned events, std::uint64_t tag, Often often = Often::once);
  // The next bytes of a socket into a provided buffer; -ENOBUFS if there is none at that moment.
  void receive(int fd, std::uint64_t tag, Often often);
  // As send(2) with MSG_DONTWAIT: done, in part or not at all, when the next enter() has returned.
  // `bytes` live until then, or until take_back().
  void send(int fd, std::string_view bytes, std::uint64_t tag);
  // Ends what carries `tag`; its completion comes in any case. That of the cancellation is
  // `kIgnored`.
  void cancel(std::uint64_t tag);

  // Hands over what was asked for and takes what is complete, waiting at most `limit` for the first
  // (none: for ever; zero: not at all).
  void enter(std::optional<Duration> limit);
  // Takes back what was asked for with `tag` and is not handed over yet: it never happens. False:
  // it is handed over.
  bool take_back(std::uint64_t tag);
  // Calls f(const io_uring_cqe&) for each completion; f must not enter().
  template <class F>
  void completions(F f) {
    unsigned head;
    unsigned seen = 0;
    io_uring_cqe* cqe;
    io_uring_for_each_cqe(&ring_, head, cqe) {
      ++seen;
      if (cqe->user_data != kIgnored) f(*cqe);
    }
    io_uring_cq_advance(&ring_, seen);
  }
  // Completions that did not fit and wait in the kernel for the next enter().
  bool overflown() const { return io_uring_cq_has_overflow(&ring_); }

  char* buffer(std::uint32_t id) { return memory_ + id * kStride; }
  // Makes a buffer, that a receive brought, the kernel's again.
  void provide(std::uint32_t id);

  static constexpr std::uint64_t kIgnored = ~0ULL;

 private:
  // From one buffer to the next: beginnings a power of two apart would share few sets of a cache.
  static constexpr std::size_t kStride = limits::kChunkBytes + 320;
  io_uring_sqe& entry(std::uint64_t tag);
  void provide_all();
  void submit();

  io_uring ring_{};
  io_uring_buf_ring* provided_ = nullptr;
  char* memory_ = nullptr;
  std::size_t mapped_ = 0;
};

}  // namespace nuri::async
