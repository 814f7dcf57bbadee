#include "identity/tokens.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

#include "base/assert.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/limits.h"

namespace nuri::identity {
namespace {

constexpr std::string_view kHeader = R"({"alg":"HS256","typ":"JWT"})";
constexpr std::string_view kIssuer = "nuri";

std::int64_t seconds(WallTime time) { return time.ns / 1'000'000'000; }
WallTime from_seconds(std::int64_t s) {
  // What would overflow is as good as never.
  constexpr std::int64_t kMost = INT64_MAX / 1'000'000'000;
  return {std::clamp(s, -kMost, kMost) * 1'000'000'000};
}

[[noreturn]] void refuse() { throw Error(Code::unauthenticated, "Invalid Auth Token"); }

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

Claims read_claims(std::string_view payload) {
  const json::object o = json::parse_object(payload, limits::kTokenBytes);
  if (json::require_string(o, "iss") != kIssuer) refuse();
  Claims claims;
  claims.user = UserGuid(json::require_string(o, "user_id"));
  claims.username = json::require_string(o, "user_name");
  claims.origin = json::require_string(o, "origin");
  claims.client_id = json::require_string(o, "client_id");
  claims.jti = json::require_string(o, "jti");
  claims.session = json::require_string(o, "sid");
  claims.issued_at = from_seconds(json::require_int(o, "iat"));
  claims.expires_at = from_seconds(json::require_int(o, "exp"));
  for (const auto& scope : json::require_array(o, "scope"))
    if (scope.is_string()) claims.scope.emplace_back(scope.get_string());
  return claims;
}

}  // namespace

std::vector<std::string> scopes_of(const model::User& user) {
  std::vector<std::string> out{"cloud_controller.read", "cloud_controller.write", "openid",
                               "password.write", "uaa.user"};
  if (user.admin)
    out.insert(out.end(), {"cloud_controller.admin", "network.admin", "scim.read", "scim.write"});
  return out;
}

Tokens::Tokens(TokenKey key, const Clock& clock, Random& random)
    : key_(key), clock_(clock), random_(random) {}

std::string Tokens::sign(std::string_view text) const {
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  const auto* done =
      HMAC(EVP_sha256(), key_.bytes.data(), static_cast<int>(key_.bytes.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac, &length);
  NURI_ASSERT(done != nullptr);
  return base64url({reinterpret_cast<const char*>(mac), length});
}

std::string Tokens::issue(const model::User& user, std::string_view session,
                          std::string_view client_id) {
  json::array scope;
  for (const auto& word : scopes_of(user)) scope.push_back(json::value(word));
  const WallTime now = clock_.wall();
  const json::object claims{
      {"jti", make_guid_text(random_)},
      {"sid", session},
      {"iss", kIssuer},
      {"sub", user.guid.str()},
      {"user_id", user.guid.str()},
      {"user_name", user.username},
      {"origin", user.origin},
      {"client_id", client_id},
      {"cid", client_id},
      {"azp", client_id},
      {"aud", json::array{json::value(client_id), "cloud_controller", "uaa"}},
      {"scope", scope},
      {"iat", seconds(now)},
      {"exp", seconds(now + kAccessTokenLife)},
  };
  const std::string text = base64url(kHeader) + "." + base64url(json::serialize(claims));
  return text + "." + sign(text);
}

Claims Tokens::verify(std::string_view jwt) const {
  if (jwt.size() > limits::kTokenBytes) refuse();
  const auto last = jwt.rfind('.');
  if (last == std::string_view::npos) refuse();
  const std::string_view text = jwt.substr(0, last);
  if (!same(sign(text), jwt.substr(last + 1))) refuse();
  const auto dot = text.find('.');
  if (dot == std::string_view::npos || decode_base64url(text.substr(0, dot)) != kHeader) refuse();
  const auto payload = decode_base64url(text.substr(dot + 1));
  if (!payload) refuse();
  Claims claims;
  try {
    claims = read_claims(*payload);
  } catch (const Error&) {
    refuse();
  }
  if (claims.expires_at <= clock_.wall()) refuse();
  return claims;
}

Claims Tokens::verify_authorization(std::string_view header) const {
  constexpr std::string_view kScheme = "bearer ";
  if (header.size() <= kScheme.size()) refuse();
  const bool bearer =
      std::ranges::equal(header.substr(0, kScheme.size()), kScheme, [](char a, char b) {
        return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
      });
  if (!bearer) refuse();
  return verify(header.substr(kScheme.size()));
}

}  // namespace nuri::identity
