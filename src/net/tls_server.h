#pragma once

// TlsServer: the server's side of TLS for one loop's thread: certificates by host name, the
// protocols offered, the keys of session tickets. Everything may be changed while sessions run;
// those that exist go on with what they have, later handshakes use what is new.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "net/certificate.h"
#include "net/tls_session.h"

namespace nuri::net {

// The keys that session tickets are sealed with (RFC 5077 section 4). A value: made once per
// process, handed to every thread's server, so that a session resumes on any of them. Secret.
class TlsTicketKeys {
 public:
  // `random` must be the kernel's outside of tests.
  static TlsTicketKeys make(Random& random);
  // A new key seals; the ones before it, limits::kTlsTicketKeys in all, still open tickets. Call it
  // every few hours: who has a key reads what was said in the sessions of its time (TLS 1.2).
  TlsTicketKeys rotated(Random& random) const;

  struct Key {
    unsigned char name[16];
    unsigned char cipher[32];
    unsigned char mac[32];
  };
  const std::vector<Key>& all() const { return keys_; }  // the sealing one first

 private:
  std::vector<Key> keys_;
};

class TlsServer {
 public:
  // `alpn`: the protocols offered, best first: {"h2", "http/1.1"}. A client that names protocols
  // and none of these is refused (RFC 7301); one that names none gets none.
  explicit TlsServer(TlsTicketKeys keys, std::vector<std::string> alpn = {"http/1.1"});
  // Must outlive the handshakes of its sessions.
  ~TlsServer();
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  // `name` is a host or "*.example.com" (any one label below it), lower case. A client's name is
  // looked up as it is, then as its wildcard, then it is the default's; without a default it is
  // refused (unrecognized_name). O(1) each. put() replaces; false: limits::kTlsCertificates names
  // are there already. Null as default takes it away.
  bool put(std::string name, std::shared_ptr<const Certificate> certificate);
  bool remove(std::string_view name);  // false if it was not there
  void set_default(std::shared_ptr<const Certificate> certificate);
  void set_ticket_keys(TlsTicketKeys keys);
  std::size_t names() const;
  // What a client that asks for `host` would get; null if nothing.
  std::shared_ptr<const Certificate> find(std::string_view host) const;

  // The session of a connection that was just accepted; its host() is known as soon as the
  // handshake has begun.
  TlsSession accept();

 private:
  struct Settings;
  std::unique_ptr<Settings> settings_;
};

}  // namespace nuri::net
