#pragma once

// A blocking client inside TLS, for the router's tests.

#include <string>
#include <string_view>

#include "net/test_tls.h"
#include "router/test_http2.h"
#include "router/test_sockets.h"

namespace nuri::router {

class TlsTalk {
 public:
  TlsTalk(Talk talk, net::TlsSession session)
      : talk_(std::move(talk)), session_(std::move(session)) {}

  // False: it failed; failure() may say why. `early` goes out with the client's last flight.
  bool handshake(std::string_view early = {}) {
    std::string_view in;
    for (;;) {
      const auto done = session_.handshake(in);
      rest_.assign(in);
      if (done && !early.empty()) session_.write(early);
      if (!flush()) return false;
      if (done) return true;
      if (done.error() != net::TlsStop::wants_input) return false;
      received_ = talk_.hear_some();
      if (received_.empty()) return false;
      in = received_;
    }
  }
  bool say(std::string_view text) {
    for (; !text.empty(); text.remove_prefix(std::min<std::size_t>(text.size(), 16'384)))
      if (!session_.write(text.substr(0, 16'384)) || !flush()) return false;
    return true;
  }
  // Plain text, at least a byte; "" at the end: closed() tells which.
  std::string hear_some() {
    std::string space(64 << 10, '\0');
    for (;;) {
      std::string_view in = rest_;
      const auto n = session_.read(in, space);
      rest_.erase(0, rest_.size() - in.size());
      flush();
      if (n) return space.substr(0, *n);
      closed_ = n.error() == net::TlsStop::end;
      if (n.error() != net::TlsStop::wants_input) return "";
      rest_ = talk_.hear_some();
      if (rest_.empty()) return "";
    }
  }
  // Until "" or until what was heard ends so.
  std::string hear_until(std::string_view end) {
    std::string out;
    for (std::string more; !out.ends_with(end) && !(more = hear_some()).empty();) out += more;
    return out;
  }
  std::string hear_all() {
    std::string out;
    for (std::string more; !(more = hear_some()).empty();) out += more;
    return out;
  }
  void finish() {
    session_.shutdown();
    flush();
    talk_.finish();
  }
  bool closed() const { return closed_; }  // the peer said that nothing more comes
  Http2Bytes bytes() {
    return {.say = [this](std::string_view text) { return say(text); },
            .hear_some = [this] { return hear_some(); }};
  }
  net::TlsSession& session() { return session_; }
  Talk& talk() { return talk_; }

 private:
  bool flush() {
    if (!session_.has_output()) return true;
    std::string out;
    session_.take_output(out);
    return talk_.say(out);
  }
  Talk talk_;
  net::TlsSession session_;
  std::string received_, rest_;
  bool closed_ = false;
};

}  // namespace nuri::router
