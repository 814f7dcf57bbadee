#include "identity/logins.h"

#include "base/digest.h"
#include "base/encoding.h"
#include "base/error.h"

namespace nuri::identity {
namespace {

using model::RefreshToken;
using model::User;

constexpr std::size_t kOpaqueBytes = 32;

[[noreturn]] void invalid() {
  throw Error(Code::unauthenticated, "The refresh token is not valid (any more): log in again");
}

std::string make_opaque(Random& random) {
  unsigned char bytes[kOpaqueBytes];
  random.fill(bytes);
  return base64url({reinterpret_cast<const char*>(bytes), sizeof bytes});
}

}  // namespace

Logins::Logins(Tokens& tokens, const Clock& clock, Random& random)
    : tokens_(tokens), clock_(clock), random_(random) {}

Login Logins::issue(store::Writer& tx, const User& user, const std::string& session,
                    std::string_view client_id) {
  Login login;
  login.access_token = tokens_.issue(user, session, client_id);
  login.refresh_token = make_opaque(random_);
  login.expires_in_s = std::chrono::duration_cast<std::chrono::seconds>(kAccessTokenLife).count();
  login.scope = scopes_of(user);
  login.jti = tokens_.verify(login.access_token).jti;
  RefreshToken kept;
  kept.guid = RefreshTokenGuid::make(random_);
  kept.user = user.guid;
  kept.client_id = std::string(client_id);
  kept.token_hash = Digest::of(login.refresh_token).hex();
  kept.family = session;
  kept.created_at = kept.updated_at = clock_.wall();
  kept.expires_at = kept.created_at + kRefreshTokenLife;
  tx.insert(kept);
  return login;
}

Login Logins::begin(store::Writer& tx, const User& user, std::string_view client_id) {
  return issue(tx, user, make_guid_text(random_), client_id);
}

Logins::Renewal Logins::renew(store::Writer& tx, std::string_view refresh_token) {
  auto kept = tx.first(store::Query<RefreshToken>().where(&RefreshToken::token_hash,
                                                          Digest::of(refresh_token).hex()));
  const WallTime now = clock_.wall();
  if (!kept || kept->expires_at <= now) invalid();
  if (kept->used_at && now - *kept->used_at > kReuseGrace) {
    revoke_session(tx, kept->family);
    return {std::nullopt, true};
  }
  const auto user = tx.find(kept->user);
  if (!user || !user->active) invalid();
  if (!kept->used_at) {
    kept->used_at = kept->updated_at = now;
    tx.update(*kept);
  }
  return {issue(tx, *user, kept->family, kept->client_id), false};
}

void Logins::revoke_session(store::Writer& tx, std::string_view session) {
  tx.erase_all(store::Query<RefreshToken>().where(&RefreshToken::family, std::string(session)));
}

void Logins::revoke_user(store::Writer& tx, const UserGuid& user) {
  tx.erase_all(store::Query<RefreshToken>().where(&RefreshToken::user, user));
}

std::size_t Logins::sweep(store::Writer& tx) {
  return tx.erase_all(
      store::Query<RefreshToken>().at_most(&RefreshToken::expires_at, clock_.wall()));
}

}  // namespace nuri::identity
