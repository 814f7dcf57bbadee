#pragma once

// Descriptor: a file descriptor on a loop, and what a task can await on it. At most one reading and
// one writing operation at a time. Every result is a value; IoError::cancelled and timed_out come
// from the scope. Moving or destroying a Descriptor while an operation waits on it is a bug
// (asserted).

#include <sys/socket.h>

#include <array>
#include <string_view>
#include <vector>

#include "async/loop.h"

namespace nuri::async {

namespace detail {

struct Awaitable : Operation {
  Awaitable(Loop& on, SlotId id, Kind k) : Operation(k) {
    loop = &on;
    slot = id;
  }
  // co_await socket.recv().until(when): ends with IoError::timed_out when its time is up, without
  // the frame and the scope that async::within would make.
  template <class Self>
  Self&& until(this Self&& self, Time when) {
    self.deadline = when;
    return std::forward<Self>(self);
  }
  // From the loop's turn on.
  template <class Self>
  Self&& within(this Self&& self, Duration limit) {
    return std::forward<Self>(self).until(self.loop->by_turn(limit));
  }
  // In `scope`, which outlives the wait, instead of the task's own.
  template <class Self>
  Self&& in(this Self&& self, Scope& scope) {
    self.in_ = &scope;
    return std::forward<Self>(self);
  }
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> handle) {
    PromiseBase& promise = handle.promise();
    Scope& scope = in_ ? *in_ : *promise.scope;
    if (const auto cause = scope.cause()) {
      fail(*cause);
      return false;
    }
    if (loop->start(*this)) return false;
    park_in(handle, scope);
    return true;
  }

 private:
  Scope* in_ = nullptr;
};

}  // namespace detail

class Descriptor {
 public:
  Descriptor() = default;
  Descriptor(Loop& loop, Fd fd) : loop_(&loop), slot_(loop.adopt(std::move(fd))) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept
      : loop_(other.loop_), slot_(std::exchange(other.slot_, {})) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      close();
      loop_ = other.loop_;
      slot_ = std::exchange(other.slot_, {});
    }
    return *this;
  }

  explicit operator bool() const { return static_cast<bool>(slot_); }
  Loop& loop() const { return *loop_; }
  SlotId slot() const { return slot_; }
  int native() const { return loop_->native(slot_); }
  // See Loop::seen_quiet.
  bool seen_quiet() const { return loop_->seen_quiet(slot_); }
  // Of a socket: what a receive would find, without taking it. A failed connection is an end.
  enum class There { nothing, bytes, end };
  There look() const;
  // Bytes that the loop has received: who reads from native() takes them first.
  std::size_t take_held(std::span<char> into) { return loop_->take_held(slot_, into); }
  // Gives the descriptor to the loop, which closes it; never waits.
  void close() {
    if (slot_) loop_->release(std::exchange(slot_, {}));
  }

  struct Ready final : detail::Awaitable {
    using Awaitable::Awaitable;
    IoResult<void> await_resume() {
      if (failed) return std::unexpected(error);
      return {};
    }
  };
  // A call on native() may find bytes now, or take_held().
  Ready readable() { return {*loop_, slot_, Operation::Kind::readable}; }
  Ready writable() { return {*loop_, slot_, Operation::Kind::writable}; }

  struct Recv final : detail::Awaitable {
    using Awaitable::Awaitable;
    IoResult<Chunk> await_resume() {
      if (failed) return std::unexpected(error);
      return std::move(chunk);
    }
  };
  // The next bytes in a buffer of the loop; an empty chunk is the end of the stream.
  Recv recv() { return {*loop_, slot_, Operation::Kind::recv}; }

  struct Read final : detail::Awaitable {
    Read(Loop& loop, SlotId slot, std::span<char> into) : Awaitable(loop, slot, Kind::read) {
      space = into;
    }
    IoResult<std::size_t> await_resume() {
      if (failed) return std::unexpected(error);
      return done;
    }
  };
  // Up to into.size() (> 0) bytes; 0 is the end of the stream. `into` lives until the result.
  Read read(std::span<char> into) { return {*loop_, slot_, into}; }

  struct Send final : detail::Awaitable {
    Send(Loop& loop, SlotId slot, std::string_view bytes) : Awaitable(loop, slot, Kind::send) {
      one[0] = {const_cast<char*>(bytes.data()), bytes.size()};
      parts = one;
      if (bytes.empty()) parts = {};
    }
    Send(Loop& loop, SlotId slot, std::span<iovec> all) : Awaitable(loop, slot, Kind::send) {
      parts = all;
    }
    IoResult<void> await_resume() {
      if (failed) return std::unexpected(error);
      return {};
    }
    std::array<iovec, 1> one;
  };
  // All bytes, or an error after some of them. They live until the result; the iovecs are changed.
  Send send(std::string_view bytes) { return {*loop_, slot_, bytes}; }
  Send send(std::span<iovec> parts) { return {*loop_, slot_, parts}; }

  struct Accept final : detail::Awaitable {
    using Awaitable::Awaitable;
    IoResult<Fd> await_resume() {
      if (failed) return std::unexpected(error);
      return std::move(accepted);
    }
    Fd accepted;
  };
  Accept accept() { return {*loop_, slot_, Operation::Kind::accept}; }

  struct Connect final : detail::Awaitable {
    Connect(Loop& loop, SlotId slot, const sockaddr* to, socklen_t bytes)
        : Awaitable(loop, slot, Kind::connect), address(to), address_bytes(bytes) {}
    IoResult<void> await_resume() {
      if (failed) return std::unexpected(error);
      return {};
    }
    const sockaddr* address;
    socklen_t address_bytes;
  };
  Connect connect(const sockaddr* to, socklen_t bytes) { return {*loop_, slot_, to, bytes}; }

  struct Packet {
    std::size_t bytes = 0;  // in the caller's space; 0 with no fds: the peer closed
    std::vector<Fd> fds;
  };
  struct RecvPacket : detail::Awaitable {
    RecvPacket(Loop& loop, SlotId slot, std::span<char> into)
        : Awaitable(loop, slot, Kind::recv_packet) {
      space = into;
    }
    IoResult<Packet> await_resume() {
      if (failed) return std::unexpected(error);
      return Packet{done, std::move(fds)};
    }
    std::vector<Fd> fds;
  };
  // One packet of a SEQPACKET or datagram socket; IoError::too_large if it did not fit.
  RecvPacket recv_packet(std::span<char> into) { return {*loop_, slot_, into}; }

  struct SendPacket : detail::Awaitable {
    SendPacket(Loop& loop, SlotId slot, std::string_view bytes, std::span<const int> with)
        : Awaitable(loop, slot, Kind::send_packet), send_fds(with) {
      one[0] = {const_cast<char*>(bytes.data()), bytes.size()};
      parts = one;
    }
    IoResult<void> await_resume() {
      if (failed) return std::unexpected(error);
      return {};
    }
    std::array<iovec, 1> one;
    std::span<const int> send_fds;
  };
  // `fds` (at most 64) are copied to the peer and stay open here.
  SendPacket send_packet(std::string_view bytes, std::span<const int> fds_to_send = {}) {
    return {*loop_, slot_, bytes, fds_to_send};
  }

 private:
  Loop* loop_ = nullptr;
  SlotId slot_;
};

}  // namespace nuri::async
