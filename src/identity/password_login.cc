#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/limits.h"
#include "identity/logins.h"

namespace nuri::identity {
namespace {

using model::User;
using store::Query;

constexpr Duration kFirstWait = 1s;
constexpr Duration kLongestWait = 5min;

}  // namespace

User check_password(store::Store& store, PasswordHash& hash, std::string_view username,
                    std::string_view password, std::string_view origin) {
  const auto user = store.read([&](store::Reader& reader) {
    return reader.first(Query<User>()
                            .where(&User::username, std::string(username))
                            .where(&User::origin, std::string(origin)));
  });
  const bool usable = user && user->active && !user->password_hash.empty() &&
                      password.size() <= limits::kPasswordBytes;
  bool right = false;
  if (usable)
    right = hash.verify(user->password_hash, password);
  else
    hash.hash("a hash takes as long as a verify");
  if (!right) throw Error(Code::unauthenticated, "User name or password is wrong");
  return *user;
}

void LoginLimit::check(std::string_view username) const {
  const auto found = failures_.find(username);
  if (found == failures_.end()) return;
  const Duration wait = found->second.not_before - clock_.now();
  if (wait <= Duration::zero()) return;
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
  throw Error(Code::too_many,
              fmt::format("too many failed logins of this user: try again in {} s", seconds));
}

void LoginLimit::failed(std::string_view username) {
  if (username.size() > limits::kNameBytes) return;
  if (failures_.size() >= limits::kLoginNames && !failures_.contains(username))
    failures_.erase(std::ranges::min_element(failures_, {},
                                             [](const auto& entry) { return entry.second.last; }));
  Failures& failures = failures_[std::string(username)];
  failures.last = clock_.now();
  if (++failures.count <= kFailuresAllowed) return;
  const int doublings = std::min(failures.count - kFailuresAllowed - 1, 16);
  failures.not_before = failures.last + std::min(kFirstWait * (1 << doublings), kLongestWait);
}

void LoginLimit::succeeded(std::string_view username) {
  if (const auto found = failures_.find(username); found != failures_.end()) failures_.erase(found);
}

std::string make_password(Random& random) {
  constexpr std::string_view kLetters = "abcdefghijkmnpqrstuvwxyz23456789";
  static_assert(kLetters.size() == 32);
  std::string out;
  for (int i = 0; i < 26; ++i) out += kLetters[random.below(kLetters.size())];
  return out;
}

std::optional<std::string> bootstrap_admin(store::Store& store, PasswordHash& hash,
                                           const Clock& clock, Random& random) {
  const auto admins = [](store::Reader& reader) {
    return reader.count(Query<User>().where(&User::admin, true));
  };
  if (store.read(admins) > 0) return std::nullopt;
  const std::string password = make_password(random);
  User admin;
  admin.guid = UserGuid::make(random);
  admin.username = "admin";
  admin.password_hash = hash.hash(password);
  admin.admin = true;
  admin.created_at = admin.updated_at = clock.wall();
  store.write([&](store::Writer& tx) { tx.insert(admin); });
  return password;
}

}  // namespace nuri::identity
