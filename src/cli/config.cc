#include "cli/config.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/error.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/limits.h"

namespace nuri::cli {
namespace {

constexpr int kVersion = 1;

std::string file_of(const std::string& folder) { return folder + "/config.json"; }

Login login_of(const json::object& o) {
  return {json::get_string(o, "username"), json::get_string(o, "access_token"),
          json::get_string(o, "refresh_token"), json::get_int(o, "expires_at")};
}

Config config_of(const json::object& top) {
  Config config;
  config.api = json::get_string(top, "api");
  if (const json::object* logins = json::find_object(top, "logins"))
    for (const auto& [api, login] : *logins)
      if (login.is_object()) config.logins[std::string(api)] = login_of(login.get_object());
  if (const json::object* spaces = json::find_object(top, "spaces"))
    for (const auto& [api, space] : *spaces)
      if (space.is_string()) config.spaces[std::string(api)] = std::string(space.get_string());
  if (const json::object* trusted = json::find_object(top, "trusted"))
    for (const auto& [api, pem] : *trusted)
      if (pem.is_string()) config.trusted[std::string(api)] = std::string(pem.get_string());
  return config;
}

std::string text_of(const Config& config) {
  json::object logins, spaces, trusted;
  for (const auto& [api, login] : config.logins)
    logins[api] = {{"username", login.username},
                   {"access_token", login.access_token},
                   {"refresh_token", login.refresh_token},
                   {"expires_at", login.expires_at}};
  for (const auto& [api, space] : config.spaces) spaces[api] = space;
  for (const auto& [api, pem] : config.trusted) trusted[api] = pem;
  return json::serialize(json::object{{"version", kVersion},
                                      {"api", config.api},
                                      {"logins", std::move(logins)},
                                      {"spaces", std::move(spaces)},
                                      {"trusted", std::move(trusted)}}) +
         "\n";
}

}  // namespace

std::string config_folder() {
  if (const char* own = std::getenv("NURI_HOME"); own && *own) return own;
  if (const char* home = std::getenv("HOME"); home && *home) return std::string(home) + "/.nuri";
  return {};
}

std::string read_small_file(const std::string& path, std::size_t limit) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw system_error(fmt::format("read {}", path), errno);
  std::string text;
  char buffer[16 * limits::kKiB];
  for (;;) {
    const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw system_error(fmt::format("read {}", path), errno);
    if (n == 0) return text;
    text.append(buffer, static_cast<std::size_t>(n));
    if (text.size() > limit)
      throw Error(Code::too_large, fmt::format("{} has more than {} bytes", path, limit));
  }
}

bool replace_file(const std::string& path, const std::string& text) {
  const std::string temp = fmt::format("{}.{}", path, ::getpid());
  const Fd fd(::open(temp.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return false;
  if (::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      ::fsync(fd.get()) == 0 && ::rename(temp.c_str(), path.c_str()) == 0)
    return true;
  ::unlink(temp.c_str());
  return false;
}

Config load_config(const std::string& folder) {
  if (folder.empty()) return {};
  try {
    const std::string text = read_small_file(file_of(folder), limits::kJsonBytes);
    const json::object top = json::parse_object(text);
    if (json::get_int(top, "version", kVersion) != kVersion)
      throw Error(Code::data_loss, "it is of another version of nuri");
    return config_of(top);
  } catch (const Error& error) {
    if (error.code() == Code::not_found) return {};
    throw Error(Code::data_loss,
                fmt::format("read {}: {}; remove it and log in again with 'nuri login'",
                            file_of(folder), error.message()));
  }
}

void save_config(const std::string& folder, const Config& config) {
  if (!folder.empty()) replace_file(file_of(folder), text_of(config));
}

Config change_config(const std::string& folder, const std::function<void(Config&)>& change) {
  const ConfigLock lock(folder);
  Config config = load_config(folder);
  const Config before = config;
  change(config);
  if (!(config == before)) save_config(folder, config);
  return config;
}

ConfigLock::ConfigLock(const std::string& folder) {
  if (folder.empty()) return;
  ::mkdir(folder.c_str(), 0700);
  fd_ = ::open((folder + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd_ < 0) return;
  while (::flock(fd_, LOCK_EX) != 0 && errno == EINTR) {
  }
}

ConfigLock::~ConfigLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace nuri::cli
