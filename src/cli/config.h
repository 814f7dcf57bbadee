#pragma once

// What the command line remembers: ~/.nuri/config.json, or $NURI_HOME/config.json (mode 0600 in a
// folder of mode 0700): the logins by API, which API is used, which space of it, and which
// certificates its own must lead to.

#include <functional>
#include <map>
#include <string>

namespace nuri::cli {

struct Login {
  std::string username;
  std::string access_token;
  std::string refresh_token;
  long expires_at = 0;  // of the access token, Unix seconds
  friend bool operator==(const Login&, const Login&) = default;
};

struct Config {
  std::string api;                             // empty: none chosen
  std::map<std::string, Login> logins;         // by API URL
  std::map<std::string, std::string> spaces;   // name, by API URL; missing: the first
  std::map<std::string, std::string> trusted;  // PEM, by API URL; missing: the system's roots
  friend bool operator==(const Config&, const Config&) = default;
};

// The folder; empty when neither $NURI_HOME nor $HOME is set.
std::string config_folder();

// An empty Config if there is no file. Throws Error{data_loss} naming the file if it is none of
// ours. All of these block.
Config load_config(const std::string& folder);
// Reads, changes and replaces the file in one step (temp, fsync, rename), while no other process
// does. Nothing is remembered where `folder` is empty or cannot be written. Returns what it is now.
Config change_config(const std::string& folder, const std::function<void(Config&)>& change);

// While one lives, no other process holds one for the same folder.
class ConfigLock {
 public:
  explicit ConfigLock(const std::string& folder);
  ~ConfigLock();
  ConfigLock(const ConfigLock&) = delete;
  ConfigLock& operator=(const ConfigLock&) = delete;

 private:
  int fd_ = -1;
};
// As change_config, for who holds the lock.
void save_config(const std::string& folder, const Config& config);

// A file whole, at most `limit` bytes. Throws Error as system_error does.
std::string read_small_file(const std::string& path, std::size_t limit);
// Replaces a file of mode 0600 in one step. False if that cannot be.
bool replace_file(const std::string& path, const std::string& text);

}  // namespace nuri::cli
