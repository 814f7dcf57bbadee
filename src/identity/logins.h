#pragma once

// Logging in and staying logged in: password check, refresh tokens, the first admin.
//
//   limit.check(username);                                             // loop thread
//   User user = check_password(store, hash, username, password);       // BlockingPool
//   store.write([&](auto& tx) { login = logins.begin(tx, user); });    // BlockingPool
//   limit.succeeded(username);   (or failed, when check_password threw) // loop thread

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "identity/password_hash.h"
#include "identity/tokens.h"
#include "store/store.h"

namespace nuri::identity {

// The reply of /oauth/token (RFC 6749 section 5.1).
struct Login {
  std::string access_token;
  std::string refresh_token;
  std::int64_t expires_in_s = 0;
  std::vector<std::string> scope;
  std::string jti;
};

// The active user of this name and password. Throws Error{unauthenticated}, the same and after the
// same time whether the name or the password is wrong. Blocking (hashes).
model::User check_password(store::Store& store, PasswordHash& hash, std::string_view username,
                           std::string_view password, std::string_view origin = "uaa");

class Logins {
 public:
  // All must outlive it.
  Logins(Tokens& tokens, const Clock& clock, Random& random);

  // A new session.
  Login begin(store::Writer& tx, const model::User& user, std::string_view client_id = "cf");
  // Exchanges a refresh token for new tokens; the old one is used up. One that is presented again
  // later than kReuseGrace after its use was stolen: `stolen` is true, and its whole session was
  // erased. Otherwise throws Error{unauthenticated} when it is unknown, expired, or its user is
  // gone. Returned and not thrown, so that erasing the session commits.
  struct Renewal {
    std::optional<Login> login;
    bool stolen = false;
  };
  Renewal renew(store::Writer& tx, std::string_view refresh_token);
  // Ends a session (Claims::session); its access tokens die within kAccessTokenLife.
  void revoke_session(store::Writer& tx, std::string_view session);
  void revoke_user(store::Writer& tx, const UserGuid& user);
  // Removes what has expired; returns how many.
  std::size_t sweep(store::Writer& tx);

 private:
  Login issue(store::Writer& tx, const model::User& user, const std::string& session,
              std::string_view client_id);

  Tokens& tokens_;
  const Clock& clock_;
  Random& random_;
};

// Two commands of one person may renew with the same token at the same time.
inline constexpr Duration kReuseGrace = 60s;

// Failed logins per user name: after kFailuresAllowed in a row each further try has to wait, 1 s
// doubling to 5 min. Bounded (limits::kLoginNames, the longest unused is forgotten). One thread.
class LoginLimit {
 public:
  static constexpr int kFailuresAllowed = 5;
  explicit LoginLimit(const Clock& clock) : clock_(clock) {}

  // Throws Error{too_many} that says how long to wait.
  void check(std::string_view username) const;
  void failed(std::string_view username);
  void succeeded(std::string_view username);

 private:
  struct Failures {
    int count = 0;
    Time last;
    Time not_before;
  };
  const Clock& clock_;
  std::map<std::string, Failures, std::less<>> failures_;
};

// A random password of 26 characters: 130 bits without those that look alike.
std::string make_password(Random& random);

// When there is no admin yet, makes the user `admin` and returns its password, for a file that only
// its owner can read; nullopt otherwise. Blocking (hashes).
std::optional<std::string> bootstrap_admin(store::Store& store, PasswordHash& hash,
                                           const Clock& clock, Random& random);

}  // namespace nuri::identity
