#pragma once

// Operation: one wait on a descriptor. The awaitables of descriptor.h fill one in; the loop carries
// it out.

#include <sys/uio.h>

#include <cstdint>
#include <span>

#include "async/chunk.h"
#include "async/scope.h"
#include "base/clock.h"

namespace nuri::async {

// A descriptor in a loop: index and generation, so that a stale one never meets its successor.
struct SlotId {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;  // 0: none
  explicit operator bool() const { return generation != 0; }
};

struct Operation : Waiter {
  enum class Kind : std::uint8_t {
    readable,  // wait until a read would not block
    writable,
    recv,         // into a buffer of the loop: `chunk`; empty at end of stream
    read,         // into `space`: `done` bytes; 0 at end of stream
    send,         // all of `parts`, which may be changed
    accept,       // of a Descriptor::Accept
    connect,      // of a Descriptor::Connect
    recv_packet,  // of a Descriptor::RecvPacket: one, into `space`, `done` bytes
    send_packet,  // of a Descriptor::SendPacket: `parts`
  };

  explicit Operation(Kind k) : kind(k) {}
  ~Operation() {
    if (registered) withdraw();
  }
  bool writes() const {
    return kind == Kind::writable || kind == Kind::send || kind == Kind::connect ||
           kind == Kind::send_packet;
  }

  Kind kind;
  bool failed = false;
  IoError error{};
  Loop* loop = nullptr;
  SlotId slot;
  Time deadline = kNever;  // then it ends with IoError::timed_out
  std::span<char> space;
  std::span<iovec> parts;
  std::size_t done = 0;
  Chunk chunk;
  bool registered = false;  // the loop's slot points here
  Link line_link;           // in one of the loop's lines, while registered

  void fail(IoError why) {
    failed = true;
    error = why;
  }

 private:
  void withdraw();
  void on_cancel(IoError cause) override;
};

}  // namespace nuri::async
