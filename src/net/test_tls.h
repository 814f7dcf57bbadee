#pragma once

// Two sessions that talk to each other without a socket, and certificates, for the tests of TLS.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "base/limits.h"
#include "net/tls_client.h"
#include "net/tls_server.h"

namespace nuri::net {

// Certificates are checked by OpenSSL against the machine's clock.
inline WallTime real_now() { return SystemClock().wall(); }

struct TestSite {
  explicit TestSite(const std::vector<std::string>& names)
      : pem(make_self_signed(names, real_now(), 24h)),
        certificate(Certificate::parse(pem.chain, pem.key)) {}
  PemPair pem;
  std::shared_ptr<const Certificate> certificate;
};

// Moves what `from` has to say to `to`'s waiting bytes.
inline void move_output(TlsSession& from, std::string& waiting) {
  std::string out;
  from.take_output(out);
  waiting += out;
}

// A client's and a server's session, and the bytes between them.
struct TlsPair {
  TlsPair(TlsSession c, TlsSession s) : client(std::move(c)), server(std::move(s)) {}
  TlsSession client, server;
  std::string to_client, to_server;

  // Lets both go on, with at most `piece` bytes at a time, until both are done or one failed. True
  // if both are done.
  bool shake(std::size_t piece = SIZE_MAX) {
    for (int round = 0; round < 100'000; ++round) {
      const bool one = step(client, to_client, to_server, piece);
      const bool two = step(server, to_server, to_client, piece);
      if (one && two && to_client.empty() && to_server.empty()) return true;
      if (!client.failure().empty() || !server.failure().empty()) {
        step(client, to_client, to_server, piece);
        step(server, to_server, to_client, piece);
        return false;
      }
      if (one && two) return true;
    }
    return false;
  }

  // What `to` reads now, fed `piece` bytes at a time; the stop that ended it in `stop`.
  static std::string read_all(TlsSession& to, std::string& waiting, TlsStop& stop,
                              std::size_t piece = SIZE_MAX, std::size_t space_bytes = 4096) {
    std::string out, space(space_bytes, '\0');
    for (;;) {
      std::string_view in = std::string_view(waiting).substr(0, std::min(piece, waiting.size()));
      const std::size_t had = in.size();
      const auto n = to.read(in, space);
      waiting.erase(0, had - in.size());
      if (n) {
        out.append(space, 0, *n);
        continue;
      }
      stop = n.error();
      if (stop != TlsStop::wants_input || waiting.empty()) return out;
    }
  }

  // What the other side reads of `plain`, after all that was sent before.
  std::string to_the_server(std::string_view plain, std::size_t piece = SIZE_MAX) {
    return pass(client, server, to_server, plain, piece);
  }
  std::string to_the_client(std::string_view plain, std::size_t piece = SIZE_MAX) {
    return pass(server, client, to_client, plain, piece);
  }

 private:
  static std::string pass(TlsSession& from, TlsSession& to, std::string& waiting,
                          std::string_view plain, std::size_t piece) {
    EXPECT_TRUE(from.write(plain));
    move_output(from, waiting);
    TlsStop stop{};
    return read_all(to, waiting, stop, piece);
  }
  static bool step(TlsSession& one, std::string& waiting, std::string& peer, std::size_t piece) {
    std::string_view in = std::string_view(waiting).substr(0, std::min(piece, waiting.size()));
    const std::size_t had = in.size();
    const auto done = one.handshake(in);
    waiting.erase(0, had - in.size());
    move_output(one, peer);
    return done.has_value();
  }
};

inline TlsTicketKeys test_keys() {
  SystemRandom random;
  return TlsTicketKeys::make(random);
}

}  // namespace nuri::net
