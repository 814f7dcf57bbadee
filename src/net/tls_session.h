#pragma once

// TlsSession: one TLS connection (1.2 and 1.3, RFC 5246 and RFC 8446) without input and output: it
// turns received bytes into plain text and plain text into bytes to send, and the owner of the
// socket moves them. OpenSSL does the protocol. Made by TlsServer::accept or TlsClient::connect.
//
//   std::string_view in = chunk.view();
//   auto n = session.read(in, space);       // first handshake(in) until it is done
//   chunk.consume(chunk.size() - in.size());
//   if (session.has_output()) …             // after every call: take_output() and send, in order
//
// Received bytes are read straight from the caller's view, during the call only; what is left in it
// is for the next call. wants_input: the view is used up. When the peer's bytes end while input is
// wanted, it was cut off: only TlsStop::end (close_notify) is the end of what it said.
//
// Never throws. No renegotiation, no compression, no early data. One thread's; one task may read
// while another writes. An established session at rest holds 14 KiB (1.3) or 13 KiB (1.2), measured
// over 1,000, and no record buffer: OpenSSL has one only while a record is under way.

#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct ssl_st;

namespace nuri::net {

enum class TlsStop {
  wants_input,  // more bytes of the peer
  end,          // the peer said that nothing more comes
  failed,       // for good: failure() says why; an alert for the peer may be in the output
};

class TlsSession {
 public:
  struct State;
  explicit TlsSession(std::unique_ptr<State> state);
  ~TlsSession();
  TlsSession(TlsSession&&) noexcept;
  TlsSession& operator=(TlsSession&&) noexcept;

  // Goes on with the handshake; a value when it is done (also ever after). A client begins with an
  // empty view.
  std::expected<void, TlsStop> handshake(std::string_view& in);
  bool established() const;  // and not failed

  // Plain text into `into` (not empty), as much as fits and `in` has: at least one byte. Only when
  // established.
  std::expected<std::size_t, TlsStop> read(std::string_view& in, std::span<char> into);
  // Whether read() would bring bytes without more input.
  bool pending() const;
  // Nothing of a record is here, neither unread text nor a part.
  bool between_records() const;

  // All of `plain` becomes output, so it should be no more than one send takes. False: failed. Only
  // when established (also by no failed read() meanwhile), and not after shutdown().
  bool write(std::string_view plain);
  // Says that nothing more comes (close_notify). Reading goes on. Idempotent.
  void shutdown();

  // Bytes for the peer. A session whose output is not taken while it reads fails at
  // limits::kTlsUnaskedBytes.
  bool has_output() const;
  // Swaps them with `into`, which is cleared first: its memory serves for the next output.
  void take_output(std::string& into);

  // For the person who must act: "the peer speaks plain HTTP, not TLS". Empty unless failed.
  const std::string& failure() const;
  // The failure is that the peer's certificate is not to be trusted (or ours, by the peer).
  bool untrusted() const;

  // What was agreed, once established.
  std::string_view alpn() const;     // "h2", "http/1.1", empty: nothing
  std::string_view version() const;  // "TLSv1.3"
  std::string_view cipher() const;
  bool resumed() const;
  // Server: the name that the client asked for, lower case, without a final dot; empty if none or
  // malformed. Client: the name it connects to.
  const std::string& host() const;

  ssl_st* native() const;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace nuri::net
