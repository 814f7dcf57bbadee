#pragma once

// Access tokens: JWT (RFC 7519) signed with HMAC-SHA256 (RFC 7518 section 3.2). The algorithm is
// pinned: what the token's own header says is compared, never obeyed. Nothing here blocks, and all
// of it is a function of clock, randomness and key.

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "model/guids.h"
#include "model/tenancy.h"

namespace nuri::identity {

inline constexpr Duration kAccessTokenLife = 10min;
inline constexpr Duration kRefreshTokenLife = 30 * 24h;

struct TokenKey {
  std::array<unsigned char, 32> bytes{};
};
// Reads the key file, or makes it (mode 0600, by temp + fsync + rename) when it is not there.
// Throws Error: data_loss when it is not a key, forbidden when others may read it. Blocking.
TokenKey load_or_make_token_key(const std::string& path, Random& random);

// Who calls, as a token says. The user may have been removed or changed since: look it up.
struct Claims {
  UserGuid user;
  std::string username;
  std::string origin;
  std::string client_id;
  std::vector<std::string> scope;
  std::string jti;
  std::string session;  // RefreshToken::family of the login
  WallTime issued_at, expires_at;
};

// The scopes of a user: cloud_controller.admin and scim.* for admins only.
std::vector<std::string> scopes_of(const model::User& user);

class Tokens {
 public:
  // `clock` and `random` must outlive it.
  Tokens(TokenKey key, const Clock& clock, Random& random);

  std::string issue(const model::User& user, std::string_view session,
                    std::string_view client_id = "cf");
  // Throws Error{unauthenticated}: "Invalid Auth Token" for a forged, malformed or expired one.
  Claims verify(std::string_view jwt) const;
  // Of an Authorization header's value: the scheme is "bearer" in any case.
  Claims verify_authorization(std::string_view header) const;

 private:
  std::string sign(std::string_view text) const;

  TokenKey key_;
  const Clock& clock_;
  Random& random_;
};

}  // namespace nuri::identity
