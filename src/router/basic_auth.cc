#include "router/basic_auth.h"

#include <crypt.h>
#include <sodium.h>

#include <cstring>
#include <mutex>

#include "async/deadline.h"
#include "base/digest.h"
#include "base/encoding.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/random.h"
#include "http/head_rules.h"
#include "http/message.h"

namespace nuri::router {
namespace {

bool crypt_matches(const std::string& hash, const std::string& password) {
  auto space = std::make_unique<crypt_data>();
  const char* made = ::crypt_rn(password.c_str(), hash.c_str(), space.get(), sizeof *space);
  return made && hash.size() == std::strlen(made) &&
         ::sodium_memcmp(made, hash.data(), hash.size()) == 0;
}

}  // namespace

std::optional<UserPassword> basic_credentials(std::string_view authorization) {
  constexpr std::string_view kScheme = "Basic ";
  if (!http::same_name(authorization.substr(0, kScheme.size()), kScheme)) return std::nullopt;
  const auto text = decode_base64(http::trimmed(authorization.substr(kScheme.size())));
  if (!text || text->find('\0') != text->npos) return std::nullopt;
  const auto colon = text->find(':');
  if (colon == text->npos || text->size() - colon > limits::kPasswordBytes) return std::nullopt;
  return UserPassword{text->substr(0, colon), text->substr(colon + 1)};
}

bool password_matches(const std::string& hash, const std::string& password) {
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  if (!hash.starts_with("$argon2")) return crypt_matches(hash, password);
  return ::sodium_init() >= 0 && hash.size() < crypto_pwhash_STRBYTES &&
         ::crypto_pwhash_str_verify(hash.c_str(), password.data(), password.size()) == 0;
}

Task<PasswordChecks::Outcome> PasswordChecks::check(std::string hash, std::string password) {
  if (!pool_) pool_ = std::make_unique<async::ThreadPool>(1, limits::kPasswordChecks);
  try {
    const bool right =
        co_await async::within(limits::kPasswordCheckDeadline,
                               pool_->run([hash = std::move(hash), password = std::move(password)] {
                                 return password_matches(hash, password);
                               }));
    co_return right ? Outcome::right : Outcome::wrong;
  } catch (const Error&) {
  }
  co_return Outcome::busy;
}

KnownPasswords::KnownPasswords() {
  std::array<unsigned char, 32> key;
  SystemRandom().fill(key);
  key_ = hex({reinterpret_cast<const char*>(key.data()), key.size()});
}

std::string KnownPasswords::digest(const UserPassword& given) const {
  return Digest::of(key_ + given.user + ":" + given.password).hex();
}

bool KnownPasswords::holds(const UserPassword& given) const {
  const auto found = digests_.find(given.user);
  if (found == digests_.end()) return false;
  const std::string shown = digest(given);
  return ::sodium_memcmp(shown.data(), found->second.data(), shown.size()) == 0;
}

void KnownPasswords::add(const UserPassword& given) { digests_[given.user] = digest(given); }

Task<PasswordChecks::Outcome> let_in(const model::BasicAuth& auth, KnownPasswords& known,
                                     PasswordChecks& checks, std::string_view authorization) {
  using Outcome = PasswordChecks::Outcome;
  const auto given = basic_credentials(authorization);
  if (!given) co_return Outcome::wrong;
  if (known.holds(*given)) co_return Outcome::right;
  const auto user = auth.users.find(given->user);
  // A name that is not there takes as long as one that is.
  const auto& hash = user == auth.users.end() ? auth.users.begin()->second : user->second;
  const Outcome outcome = co_await checks.check(hash, given->password);
  if (outcome != Outcome::right) co_return outcome;
  if (user == auth.users.end()) co_return Outcome::wrong;
  known.add(*given);
  co_return Outcome::right;
}

}  // namespace nuri::router
