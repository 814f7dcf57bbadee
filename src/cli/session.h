#pragma once

// Who the command line is: which API, which user, and tokens that are renewed by themselves.
//
// Which API: $NURI_API; else, with $NURI_REALM set, that of the Nuri of that name on this machine;
// else the one that `nuri login` chose; else that of the Nuri on this machine. For the last two
// ways nobody has to log in who can read /var/lib/nuri/REALM/server/admin.json.

#include <optional>
#include <string>

#include "async/task.h"
#include "cli/config.h"
#include "http/client.h"

namespace nuri::cli {

// What a Nuri on this machine left for its administrator.
struct AdminFile {
  std::string api, username, password;
};
// Nullopt if there is none, or it is not ours to read. Blocking.
std::optional<AdminFile> read_admin_file();

class Session {
 public:
  // Blocking. Throws Error{unauthenticated} saying how to log in when no API is known.
  static Session open();
  explicit Session(std::string api) : api_(std::move(api)) {}
  // For who logs in: with the certificates that this API was trusted by before. Blocking.
  static Session for_login(std::string api);

  const std::string& api() const { return api_; }
  const std::string& username() const { return login_.username; }
  const std::string& space() const { return space_; }  // empty: the first
  // For https: the certificates (PEM) that its own must lead to; empty: the system's.
  const std::string& trusted() const { return trusted_; }
  void trust(std::string roots_pem) { trusted_ = std::move(roots_pem); }

  // The value of the Authorization header, renewed if it ends soon. Throws Error{unauthenticated}
  // saying how to log in. Blocks shortly on the config file.
  Task<std::string> authorization(http::Client& client);
  // The API refused the token: forget it.
  void expire() { login_.expires_at = 0; }
  // Logs in with a password and remembers it, what is trusted, and this API as the one to use.
  // Throws Error{unauthenticated} if the API says no.
  Task<void> log_in(http::Client& client, std::string username, std::string password);

 private:
  Task<void> renew(http::Client& client);
  Task<std::optional<Login>> refreshed(http::Client& client);
  Task<Login> grant(http::Client& client, std::string form, std::string username);

  std::string api_;
  std::string folder_ = config_folder();
  std::string space_;
  std::string trusted_;
  Login login_;
  std::optional<AdminFile> admin_;
};

// "127.0.0.1:8081" → "http://127.0.0.1:8081", no '/' at the end; https is written out. Throws
// Error{bad_request}.
std::string tidy_api_url(std::string text);

}  // namespace nuri::cli
