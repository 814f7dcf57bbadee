// Logging in as Cloud Foundry's UAA has it (RFC 6749): the grants password and refresh_token, of
// the client `cf` without a secret.

#include <fmt/format.h>

#include "api/cf/resources.h"
#include "base/encoding.h"
#include "http/form.h"
#include "http/or_throw.h"

namespace nuri::api {
namespace {

constexpr std::string_view kClient = "cf";

// An error in the form of RFC 6749, section 5.2.
struct Refusal {
  int status;
  std::string error;
  std::string description;
};

Task<void> answer_json(http::Response& response, int status, json::object body,
                       http::Headers headers = {}) {
  headers.set("Content-Type", "application/json; charset=utf-8");
  headers.set("Cache-Control", "no-store");
  (void)co_await response.send(status, std::move(headers), json::serialize(body));
}

Task<void> refuse(http::Response& response, Refusal refusal) {
  http::Headers headers;
  if (refusal.status == 401) headers.add("WWW-Authenticate", "Basic realm=\"nuri\"");
  co_await answer_json(response, refusal.status,
                       {{"error", refusal.error}, {"error_description", refusal.description}},
                       std::move(headers));
}

json::object login_json(const identity::Login& login) {
  std::string scope;
  for (const auto& word : login.scope) scope += (scope.empty() ? "" : " ") + word;
  return {{"access_token", login.access_token},
          {"token_type", "bearer"},
          {"refresh_token", login.refresh_token},
          {"expires_in", login.expires_in_s},
          {"scope", scope},
          {"jti", login.jti}};
}

// "id:secret" by HTTP's Basic scheme (RFC 7617), or as fields (RFC 6749, section 2.3.1).
std::string client_of(const http::Request& request, const http::Form& form) {
  const auto header = request.headers.get("Authorization");
  if (!header)
    return fmt::format("{}:{}", form.get("client_id").value_or(""),
                       form.get("client_secret").value_or(""));
  if (header->size() < 6 || !http::same_name(header->substr(0, 6), "basic ")) return {};
  return decode_base64(header->substr(6)).value_or("");
}

// The identity provider that --origin names: ?login_hint={"origin":"uaa"}.
std::string origin_of(const http::Request& request, const http::Form& form) {
  auto hint = request.parameter("login_hint");
  if (!hint)
    if (const auto field = form.get("login_hint")) hint = std::string(*field);
  if (!hint || hint->empty()) return "uaa";
  return json::get_string(json::parse_object(*hint), "origin", "uaa");
}

Refusal of_error(const Error& error) {
  switch (error.code()) {
    case Code::unauthenticated:
      return {401, "unauthorized", "Bad credentials"};
    case Code::too_many:
      return {429, "too_many_requests", error.message()};
    case Code::bad_request:
    case Code::unprocessable:
    case Code::too_large:
      return {400, "invalid_request", error.message()};
    default:
      return {info(error.code()).http_status, "server_error", error.message()};
  }
}

Task<identity::Login> by_password(Parts& parts, std::string username, std::string password,
                                  std::string origin) {
  parts.login_limit.check(username);
  // Counted before the outcome is known, so that tries side by side count too.
  parts.login_limit.failed(username);
  const model::User user =
      co_await parts.pool.run([&store = parts.blocking_store, &hash = parts.password_hash, username,
                               password = std::move(password), origin = std::move(origin)] {
        return check_password(store, hash, username, password, origin);
      });
  parts.login_limit.succeeded(username);
  co_return co_await parts.store.write(
      [&logins = parts.logins, user](store::Writer& tx) { return logins.begin(tx, user); });
}

Task<identity::Login> by_refresh_token(Parts& parts, std::string token) {
  auto renewal =
      co_await parts.store.write([&logins = parts.logins, token = std::move(token)](
                                     store::Writer& tx) { return logins.renew(tx, token); });
  if (!renewal.login)
    throw Error(Code::unauthenticated, "the refresh token was used before: log in again");
  co_return std::move(*renewal.login);
}

std::string required(const http::Form& form, std::string_view name) {
  const auto value = form.get(name);
  if (!value || value->empty())
    throw Error(Code::bad_request, fmt::format("Missing parameter: {}", name));
  return std::string(*value);
}

// The grant that the form asks for.
Task<identity::Login> grant(Parts& parts, const http::Request& request, const http::Form& form) {
  const std::string type = required(form, "grant_type");
  if (type == "password")
    return by_password(parts, required(form, "username"), required(form, "password"),
                       origin_of(request, form));
  return by_refresh_token(parts, required(form, "refresh_token"));
}

// What is wrong with the request itself, before anything is looked up.
std::optional<Refusal> check_request(const http::Request& request,
                                     const std::optional<http::Form>& form) {
  if (!form) return Refusal{400, "invalid_request", "the body is not a form"};
  if (client_of(request, *form) != fmt::format("{}:", kClient))
    return Refusal{401, "invalid_client", "Bad credentials"};
  const auto type = form->get("grant_type").value_or("");
  if (type.empty()) return Refusal{400, "invalid_request", "Missing grant type"};
  if (type != "password" && type != "refresh_token")
    return Refusal{400, "unsupported_grant_type", fmt::format("Unsupported grant type: {}", type)};
  return std::nullopt;
}

Task<void> serve_token(Parts& parts, http::Request& request, http::Response& response) {
  auto text = co_await http::read_all(*request.body, limits::kFormBytes);
  const auto form = http::Form::parse(http::or_throw(std::move(text), "read the request's body"));
  if (auto refusal = check_request(request, form)) {
    co_await refuse(response, std::move(*refusal));
    co_return;
  }
  std::optional<Refusal> refusal;
  std::optional<identity::Login> login;
  try {
    login = co_await grant(parts, request, *form);
  } catch (const Error& error) {
    refusal = of_error(error);
  }
  if (refusal && refusal->status == 401 && form->get("grant_type") == "refresh_token")
    refusal = Refusal{401, "invalid_token",
                      "The token expired, was revoked, or the token ID is incorrect: log in again"};
  if (refusal)
    co_await refuse(response, std::move(*refusal));
  else
    co_await answer_json(response, 200, login_json(*login));
}

json::object prompts_json(const Parts& parts) {
  return {{"app", json::object{{"version", "77.0.0"}}},
          {"links", json::object{{"uaa", parts.url}, {"login", parts.url}}},
          {"zone_name", "uaa"},
          {"prompts", json::object{{"username", json::array{"text", "Email"}},
                                   {"password", json::array{"password", "Password"}}}}};
}

Task<void> revoke(Call call) {
  if (call.params["jti"] != call.claims.jti)
    throw Error(Code::not_found, "Token not found: a token can only revoke itself");
  co_await call.parts.store.write([&logins = call.parts.logins, session = call.claims.session](
                                      store::Writer& tx) { logins.revoke_session(tx, session); });
  co_await call.answer_empty(200);
}

}  // namespace

void add_login(Routes& routes) {
  Parts& parts = routes.parts();
  routes.add_open("GET /login", [&parts](http::Request&, http::Response& response, http::Params) {
    return answer_json(response, 200, prompts_json(parts));
  });
  routes.add_open("POST /oauth/token",
                  [&parts](http::Request& request, http::Response& response, http::Params) {
                    return serve_token(parts, request, response);
                  });
  routes.add("DELETE /oauth/token/revoke/:jti", revoke);
}

}  // namespace nuri::api
