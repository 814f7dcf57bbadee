#pragma once

// One side of a proxied connection: a socket or a carrier, and what was received from it and not
// yet passed on.
// While it waits for a peer, to receive or to send, it holds no buffer of the loop; while it waits
// for a message it holds none of its own either.

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "async/descriptor.h"
#include "async/hangup_watch.h"
#include "async/task.h"
#include "http/body_parser.h"
#include "http/parser.h"
#include "router/carrier.h"
#include "router/passage.h"

namespace nuri::router {

// What a wire runs on.
struct Line {
  async::Descriptor socket;
  std::unique_ptr<Carrier> carrier = nullptr;  // in the socket's stead, if not null
};

class Wire {
 public:
  Wire(async::Loop& loop, Line line) : loop_(loop), line_(std::move(line)) {}

  // For the next who uses it; nothing may be here().
  Line take_line() { return std::move(line_); }
  // Tells the peer that nothing more comes. Never waits.
  void finish();
  // The connection's end shall be a reset: the peer sees that something is missing.
  void break_off();
  // Whether bytes wait to be received.
  bool bytes_wait() const;

  // Cancels `scope` when the peer has finished or is gone. Ends before the wire.
  class Watch {
   public:
    Watch(Wire& wire, async::Scope& scope);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    bool hung_up() const { return carrier_ ? carrier_->hung_up() : socket_->hung_up(); }

   private:
    Carrier* carrier_;
    std::optional<async::HangupWatch> socket_;
  };

  struct Head {
    // closed: the peer finished between messages.
    enum class Outcome { complete, closed, refused, failed } outcome = Outcome::failed;
    const http::HeadView* view = nullptr;  // complete; good until consume(), keep() or a wait
    http::Refusal refusal{};               // refused
    IoError error{};                       // failed
    bool began = false;                    // bytes came
  };
  class HeadReader;

  // Received and not consumed.
  std::string_view here() const {
    return kept_.empty() ? chunk_.view() : std::string_view(kept_).substr(kept_at_);
  }
  void consume(std::size_t n);
  class Receive;
  class Send;
  // co_await: IoResult<void>, more in here(); none more: the peer finished.
  Receive receive(Duration idle);
  // The same into a buffer of the wire's own, which takes more at once, as much as `passage` has
  // left; here() is empty.
  [[gnu::noinline]] Task<IoResult<void>> receive_lots(const Passage& passage, Duration idle);
  // Whether here() is in a buffer of the loop: keep() before any wait.
  bool lent() const { return kept_.empty() && !chunk_.empty(); }
  // Gives the loop its buffer back, keeping the bytes.
  void keep();

  // For content that goes from socket to socket, when both run on one.
  bool is_socket() const { return !line_.carrier; }
  Time turn() const { return loop_.turned(); }
  // co_await: until something can be received, holding nothing.
  async::Descriptor::Ready readable() { return line_.socket.readable(); }
  // What is there, at most space.size(); zero: the peer finished; nullopt: nothing is there.
  IoResult<std::optional<std::size_t>> read_now(std::span<char> space);
  // How much of `bytes` was taken at once. A failure shows in the next send().
  std::size_t send_now(std::string_view bytes);
  // Until the peer takes more, so that little of what is sent next has to be held for it.
  [[gnu::noinline]] Task<IoResult<void>> takes_more(Duration idle);
  // Makes `bytes` here(), which is empty.
  void put_back(std::string_view bytes) { kept_.assign(bytes); }

  // co_await: IoResult<void>, when all of `first` and then `second` was sent; they live until then.
  // `idle`: for all of it. `sent` counts the bytes that were taken, also on failure.
  Send send(std::string_view first, std::string_view second, Duration idle,
            std::size_t* sent = nullptr);

 private:
  async::Loop& loop_;
  Line line_;
  async::Chunk chunk_;
  std::string kept_;  // instead of chunk_, when not empty
  std::size_t kept_at_ = 0;
};

// A wait on a wire: on its socket, without a frame of its own, or else on a task of its carrier.
template <class Operation>
class WireWait {
 public:
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> handle) {
    if (socket_) {
      if (!socket_->await_suspend(handle)) return handle;
      return std::noop_coroutine();
    }
    PromiseBase& promise = handle.promise();
    return std::move(carried_).in(in_ ? *in_ : *promise.scope).await_suspend(handle);
  }

 protected:
  using PromiseBase = async::PromiseBase;
  IoResult<void> carried() { return carried_.handle().promise().take(); }

  std::optional<Operation> socket_;
  Task<IoResult<void>> carried_;
  async::Scope* in_ = nullptr;
};

class Wire::Receive : public WireWait<async::Descriptor::Recv> {
 public:
  Receive(Wire& wire, Duration idle);
  // In `scope`, which outlives the wait, instead of the task's own.
  Receive&& in(async::Scope& scope) &&;
  IoResult<void> await_resume();

 private:
  Wire& wire_;
};

class Wire::Send : public WireWait<async::Descriptor::Send> {
 public:
  Send(Wire& wire, std::string_view first, std::string_view second, Duration idle,
       std::size_t* sent);
  IoResult<void> await_resume();

 private:
  std::array<iovec, 2> parts_;
  std::size_t* sent_;
  std::size_t carried_bytes_ = 0;
};

// The next message's head, without a task of its own:
//   while (!reader.done()) reader.note(co_await wire.receive(reader.patience()));
class Wire::HeadReader {
 public:
  // `first`: how long to wait for its first byte, `rest`: for all of it after that. `space` is used
  // from the head's last byte on, so one is enough for a loop. All outlive this.
  HeadReader(Wire& wire, http::HeadParser::Kind kind, http::HeadSpace& space, Duration first,
             Duration rest)
      : wire_(wire), space_(space), parser_(kind), first_(first), rest_(rest) {}
  // Whether head() says what came.
  bool done();
  Duration patience() const;
  void note(const IoResult<void>& received);
  Head& head() { return *head_; }

 private:
  Wire& wire_;
  http::HeadSpace& space_;
  http::HeadParser parser_;
  Duration first_, rest_;
  std::size_t before_ = 0;  // was here
  std::optional<Time> deadline_;
  std::optional<Head> head_;
};

inline Wire::Receive Wire::receive(Duration idle) { return {*this, idle}; }
inline Wire::Send Wire::send(std::string_view first, std::string_view second, Duration idle,
                             std::size_t* sent) {
  return {*this, first, second, idle, sent};
}

// How a body goes on.
enum class Relay {
  as_it_is,   // framing and all
  data_only,  // the content without chunk framing
};

struct Patience {
  Duration receive, send;
};

// Passes one body on from `from` to `to`, after `prefix` (sent with the first bytes, or alone). An
// error says on which side: from_failed, else `to`. IoError::too_large: there is more content than
// `most`, and what is beyond was not passed on.
struct RelayResult {
  IoResult<void> outcome;
  bool from_failed = false;
  std::uint64_t bytes = 0;  // of content
  bool begun = false;       // something of it may have been sent, the prefix too
};
Task<RelayResult> relay_body(Wire& from, Wire& to, Passage& passage, http::Framing framing,
                             Relay how, std::string prefix, Patience patience,
                             std::uint64_t most = UINT64_MAX);

// Passes everything on, both ways, until both have finished, one broke, or nothing was said either
// way for `idle` (upgraded connections).
struct TunnelBytes {
  std::uint64_t from_a = 0, from_b = 0;
};
Task<TunnelBytes> relay_all(Wire& a, Wire& b, Passage& passage, Duration idle);

}  // namespace nuri::router
