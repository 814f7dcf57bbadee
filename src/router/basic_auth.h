#pragma once

// Basic authentication (RFC 7617) at the edge. Hashes of passwords are made to be slow: a password
// that was right once is known again by a keyed digest, and the others are checked one at a time in
// a thread of the worker's own, so that neither who knows the password nor who guesses costs the
// loop anything.

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "async/blocking_pool.h"
#include "model/route_settings.h"

namespace nuri::router {

struct UserPassword {
  std::string user, password;
};
// Of an Authorization field's value. Nullopt: it is none, or of another scheme, or malformed.
std::optional<UserPassword> basic_credentials(std::string_view authorization);

// Blocking, tens of milliseconds; one at a time in the process, since some hashes take 64 MiB.
bool password_matches(const std::string& hash, const std::string& password);

// Where one worker checks passwords. Its thread is made when it is first needed.
class PasswordChecks {
 public:
  enum class Outcome { right, wrong, busy };
  // busy: too many wait already (limits::kPasswordChecks), or it took too long.
  Task<Outcome> check(std::string hash, std::string password);

 private:
  std::unique_ptr<async::ThreadPool> pool_;
};

// Who has shown a right password for one route: at most one digest a user. One loop's thread.
class KnownPasswords {
 public:
  KnownPasswords();
  bool holds(const UserPassword& given) const;
  void add(const UserPassword& given);

 private:
  std::string digest(const UserPassword& given) const;
  std::string key_;  // another each time: digests say nothing elsewhere
  std::map<std::string, std::string, std::less<>> digests_;  // by user
};

// Whether `auth` lets `authorization` in. `checks`, `known` and `auth` outlive the task.
Task<PasswordChecks::Outcome> let_in(const model::BasicAuth& auth, KnownPasswords& known,
                                     PasswordChecks& checks, std::string_view authorization);

}  // namespace nuri::router
