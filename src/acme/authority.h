#pragma once

// Authority: signed requests to one certificate authority that speaks ACME (RFC 8555): its
// directory, its nonces, our account. One loop's thread; one request at a time.

#include <string>
#include <vector>

#include "acme/account_key.h"
#include "base/json.h"
#include "http/client.h"

namespace nuri::acme {

struct Reply {
  int status = 0;
  std::string body;
  std::string location;
  Duration retry_after{};  // zero if it named none

  json::object object(std::string_view doing) const;  // throws Error{unavailable}
};

class Authority {
 public:
  // `directory`: "https://acme-v02.api.letsencrypt.org/directory". All outlive it.
  Authority(http::Client& client, const AccountKey& key, std::string directory)
      : client_(client), key_(key), directory_(std::move(directory)) {}

  // Finds the account of the key or makes one, agreeing to the authority's terms (`contacts`:
  // e-mail addresses, may be empty). Needed before post(). Throws Error.
  Task<void> enter(std::vector<std::string> contacts);
  const std::string& account() const { return account_; }

  // A signed request; an empty payload is a read (POST-as-GET). `doing` begins an error's text. A
  // refused nonce is tried again, limits::kAcmeNonceTries times in all. Throws Error for everything
  // that is not a 2xx.
  Task<Reply> post(std::string url, std::string payload, std::string doing,
                   std::string accept = "application/json");

  const std::string& new_order() const { return new_order_; }
  // How long the authority asked to be left alone when it refused the last request (Retry-After, of
  // rate limits); zero if it did not. For plan::RenewalView::not_earlier.
  Duration asked_to_wait() const { return asked_to_wait_; }

 private:
  Task<void> read_directory();
  Task<void> take_nonce();
  Task<Reply> send(http::ClientRequest request, std::string doing);

  http::Client& client_;
  const AccountKey& key_;
  std::string directory_, new_nonce_, new_account_, new_order_;
  std::string account_;
  std::string nonce_;  // empty if none is at hand
  Duration asked_to_wait_{};
};

}  // namespace nuri::acme
