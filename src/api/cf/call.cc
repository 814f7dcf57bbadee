#include "api/cf/call.h"

#include <fmt/format.h>

#include "http/client.h"
#include "http/error_answer.h"

namespace nuri::api {
namespace {

Task<model::User> user_of(Parts& parts, const identity::Claims& claims) {
  auto user = co_await parts.store.read(
      [guid = claims.user](store::Reader& reader) { return reader.find(guid); });
  if (!user || !user->active) throw Error(Code::unauthenticated, "Invalid Auth Token");
  co_return std::move(*user);
}

Task<void> serve_authenticated(Parts& parts, const Handler& handler, http::Request& request,
                               http::Response& response, http::Params params) {
  const auto header = request.headers.get("Authorization");
  if (!header) {
    // 10002 is what clients take for "log in first" (CAPI v3, CF-NotAuthenticated).
    (void)co_await http::answer_error(response, 401, 10002, "CF-NotAuthenticated",
                                      "Authentication error");
    co_return;
  }
  identity::Claims claims = parts.tokens.verify_authorization(*header);
  model::User user = co_await user_of(parts, claims);
  co_await handler(
      Call{parts, request, response, std::move(params), std::move(user), std::move(claims)});
}

}  // namespace

void Routes::add(std::string_view pattern, Handler handler) {
  guarded_.emplace_back(pattern);
  router_.add(pattern, [&parts = parts_, handler = std::move(handler)](
                           http::Request& request, http::Response& response, http::Params params) {
    return serve_authenticated(parts, handler, request, response, std::move(params));
  });
}

void Routes::add_open(std::string_view pattern, http::PathRouter::Handler handler) {
  router_.add(pattern, std::move(handler));
}

Task<std::string> Call::text_body(std::size_t limit_bytes) {
  auto text = co_await http::read_all(*request.body, limit_bytes);
  co_return http::or_throw(std::move(text), "read the request's body");
}

Task<json::object> Call::json_body() {
  const std::string text = co_await text_body(limits::kJsonBytes);
  if (text.find_first_not_of(" \t\r\n") == text.npos) co_return json::object();
  co_return json::parse_object(text);
}

Task<void> Call::answer(int status, json::value value, http::Headers more) {
  more.set("Content-Type", "application/json; charset=utf-8");
  // A client that is gone needs no answer; what was done stays done.
  (void)co_await response.send(status, std::move(more), json::serialize(value));
}

Task<void> Call::answer_empty(int status) { (void)co_await response.send(status, {}, {}); }

Task<void> Call::answer_job(JobGuid job) {
  (void)co_await response.send(202, {{"Location", link("/v3/jobs/" + job.str())}}, {});
}

}  // namespace nuri::api
