#pragma once

// Before a certificate authority is asked: does http://NAME/.well-known/acme-challenge/… reach this
// Nuri? What fails here would fail there, and there it counts against the limits.

#include <cstdint>
#include <optional>
#include <string>

#include "acme/challenge.h"
#include "base/random.h"
#include "http/client.h"

namespace nuri::acme {

// How an HTTP URL is read, seen from as far outside as there is.
class Fetcher {
 public:
  virtual ~Fetcher() = default;
  struct Fetched {
    std::string failure;  // why no answer came; empty if one did
    int status = 0;
    std::string body;
  };
  virtual Task<Fetched> fetch(std::string url) = 0;
};

// Over a client, whose dialer must resolve names. Within limits::kAcmeProbeDeadline.
class ClientFetcher final : public Fetcher {
 public:
  explicit ClientFetcher(http::Client& client) : client_(client) {}
  Task<Fetched> fetch(std::string url) override;

 private:
  http::Client& client_;
};

// Nullopt: port `port` of `name` leads here. Else what was tried, what came and what to do. Throws
// what the responder throws.
Task<std::optional<std::string>> preflight(std::string name, std::uint16_t port,
                                           ChallengeResponder& responder, Fetcher& fetcher,
                                           Random& random);

}  // namespace nuri::acme
