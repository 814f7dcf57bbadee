#include "cli/session.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>

#include "async/deadline.h"
#include "base/encoding.h"
#include "base/json.h"
#include "cli/connection.h"
#include "cli/json_path.h"
#include "http/form.h"

namespace nuri::cli {
namespace {

constexpr long kRenewBeforeS = 30;
constexpr Duration kRenewDeadline = 20s;
constexpr std::size_t kAnswerBytes = 1 * limits::kMiB;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

long unix_now() { return static_cast<long>(std::time(nullptr)); }

Error not_logged_in(std::string_view api) {
  return Error(Code::unauthenticated,
               fmt::format("not logged in to {}; log in with: nuri login -a {}", api, api));
}

}  // namespace

std::string tidy_api_url(std::string text) {
  if (text.find("://") == text.npos) text = "http://" + text;
  while (text.ends_with('/')) text.pop_back();
  const auto url = http::Url::parse(text);
  if (!url || url->target != "/")
    throw Error(
        Code::bad_request,
        fmt::format(
            "'{}' is no address of an API, as in http://127.0.0.1:8081 or https://nuri.example.com",
            text));
  return text;
}

std::optional<AdminFile> read_admin_file() {
  const std::string realm = variable("NURI_REALM");
  const std::string path =
      fmt::format("/var/lib/nuri/{}/server/admin.json", realm.empty() ? "nuri" : realm);
  if (realm.find('/') != realm.npos || ::access(path.c_str(), R_OK) != 0) return std::nullopt;
  const json::object top = json::parse_object(read_small_file(path, limits::kJsonBytes));
  return AdminFile{tidy_api_url(json::require_string(top, "api")),
                   json::require_string(top, "username"), json::require_string(top, "password")};
}

Session Session::open() {
  const std::string folder = config_folder();
  const Config config = load_config(folder);
  std::optional<AdminFile> admin = read_admin_file();
  std::string api = variable("NURI_API");
  if (!api.empty())
    api = tidy_api_url(api);
  else if (!variable("NURI_REALM").empty() && admin)
    api = admin->api;
  else if (!config.api.empty())
    api = config.api;
  else if (admin)
    api = admin->api;
  else
    throw Error(
        Code::unauthenticated,
        "no Nuri is known here; start one with 'make up', or log in to one with: nuri login "
        "-a http://ADDRESS:PORT");
  Session session(api);
  session.folder_ = folder;
  if (const auto login = config.logins.find(api); login != config.logins.end())
    session.login_ = login->second;
  if (const auto space = config.spaces.find(api); space != config.spaces.end())
    session.space_ = space->second;
  if (const auto roots = config.trusted.find(api); roots != config.trusted.end())
    session.trusted_ = roots->second;
  if (admin && admin->api == api) session.admin_ = std::move(admin);
  return session;
}

Session Session::for_login(std::string api) {
  Session session(std::move(api));
  const Config config = load_config(session.folder_);
  if (const auto roots = config.trusted.find(session.api_); roots != config.trusted.end())
    session.trusted_ = roots->second;
  return session;
}

Task<std::string> Session::authorization(http::Client& client) {
  if (login_.access_token.empty() || login_.expires_at < unix_now() + kRenewBeforeS)
    // Not cut off half-way: the old refresh token is used up once the server has seen it.
    co_await async::shielded(kRenewDeadline, renew(client));
  co_return "bearer " + login_.access_token;
}

Task<void> Session::renew(http::Client& client) {
  // A refresh token is good for one use: two processes must not use the same one.
  const ConfigLock lock(folder_);
  Config config = load_config(folder_);
  if (const Login kept = config.logins[api_]; !kept.refresh_token.empty()) {
    const bool newer = kept.access_token != login_.access_token;
    login_ = kept;
    if (newer && kept.expires_at >= unix_now() + kRenewBeforeS) co_return;
  }
  std::optional<Login> fresh;
  if (!login_.refresh_token.empty()) fresh = co_await refreshed(client);
  if (!fresh && admin_)
    fresh = co_await grant(client,
                           http_form({{"grant_type", "password"},
                                      {"username", admin_->username},
                                      {"password", admin_->password}}),
                           admin_->username);
  if (!fresh) throw not_logged_in(api_);
  login_ = std::move(*fresh);
  config.logins[api_] = login_;
  save_config(folder_, config);
}

Task<std::optional<Login>> Session::refreshed(http::Client& client) {
  bool refused = false;
  std::optional<Login> fresh;
  try {
    fresh = co_await grant(
        client,
        http_form({{"grant_type", "refresh_token"}, {"refresh_token", login_.refresh_token}}),
        login_.username);
  } catch (const Error& error) {
    refused = error.code() == Code::unauthenticated || error.code() == Code::bad_request;
    if (!refused) throw;
  }
  co_return fresh;
}

Task<Login> Session::grant(http::Client& client, std::string form, std::string username) {
  http::ClientRequest request;
  request.method = "POST";
  request.url = api_ + "/oauth/token";
  request.headers = {{"Accept", "application/json"},
                     {"Content-Type", "application/x-www-form-urlencoded"},
                     {"Authorization", "Basic " + base64("cf:")}};
  request.body = std::move(form);
  std::string refusal;
  request.why = &refusal;
  auto response = co_await client.request(std::move(request));
  if (!response) {
    if (response.error() == IoError::end && api_.starts_with("http:"))
      refusal = "the connection ended early; an address that speaks https begins with https://";
    throw connection_error(response.error(), api_, refusal);
  }
  refuse_redirect(*response, api_);
  const int status = response->status;
  auto text = co_await http::read_all(*response->body, kAnswerBytes);
  if (!text) throw connection_error(text.error(), api_);
  if (status != 200) {
    const json::value answer = parse_leniently(*text);
    std::string why = text_at(answer, "/error_description");
    if (why.empty()) why = text_at(answer, "/errors/0/detail", fmt::format("status {}", status));
    throw Error(code_of_status(status), fmt::format("log in to {}: {}", api_, why));
  }
  const json::object answer = json::parse_object(*text);
  co_return Login{std::move(username), json::require_string(answer, "access_token"),
                  json::get_string(answer, "refresh_token"),
                  unix_now() + static_cast<long>(json::get_int(answer, "expires_in", 60))};
}

Task<void> Session::log_in(http::Client& client, std::string username, std::string password) {
  login_ = co_await grant(
      client,
      http_form({{"grant_type", "password"}, {"username", username}, {"password", password}}),
      username);
  change_config(folder_, [this](Config& config) {
    config.logins[api_] = login_;
    if (!trusted_.empty()) config.trusted[api_] = trusted_;
    config.api = api_;
  });
}

}  // namespace nuri::cli
