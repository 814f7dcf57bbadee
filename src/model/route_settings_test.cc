#include "model/route_settings.h"

#include <gmock/gmock.h>

#include "base/limits.h"

namespace nuri::model {
namespace {

using testing::HasSubstr;

RouteSettings parsed(std::string_view text) {
  return parse_route_settings(json::parse_object(text), UnknownKeys::refused);
}

std::string refusal(std::string_view text) {
  try {
    parsed(text);
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::unprocessable);
    return error.message();
  }
}

TEST(RouteSettings, NothingIsTheDefaultAndTheDefaultIsNothing) {
  EXPECT_EQ(parsed("{}"), RouteSettings());
  EXPECT_EQ(route_settings_json({}), json::object());
}

TEST(RouteSettings, ComeBackFromTheirJson) {
  const auto settings = parsed(R"({
    "loadbalancing": "hash", "hash_header": "X-Tenant", "hash_balance": 1.25,
    "session_cookies": ["PHPSESSID"], "https_redirect": true, "canonical_host": "www.a.test",
    "maintenance": {"text": "soon", "html": "<p>soon", "retry_after": 7, "bypass": ["::1"]},
    "basic_auth": {"realm": "shop", "users": {"alice": "$6$abc$def"}},
    "allow": ["10.0.0.0/8"], "deny": ["10.1.0.0/16"], "error_pages": {"404": "<p>no", "5xx": "<p>"},
    "body_limit": "10M", "compress": {"types": ["text/*"], "min_bytes": 256},
    "response_headers": {"set": {"X-Frame-Options": "DENY"}, "remove": ["Server"]},
    "deadlines": {"head": "1s", "idle": 2, "answer": "3m", "body_idle": "4h", "request": "50ms"},
    "max_outstanding": {"instance": 5, "route": 50}, "queue": {"length": 9, "wait": "10s"}})");
  EXPECT_EQ(parse_route_settings(route_settings_json(settings), UnknownKeys::refused), settings);
  EXPECT_EQ(settings.body_limit, 10u << 20);
  EXPECT_EQ(settings.deadlines.idle, Duration(2s));
  EXPECT_EQ(settings.deadlines.answer, Duration(3min));
  EXPECT_EQ(settings.deadlines.request, Duration(50ms));
  EXPECT_EQ(settings.maintenance->bypass.at(0).str(), "::1/128");
  EXPECT_EQ(settings.queue.length, 9);
}

TEST(RouteSettings, TextsStandForWhatCommandLinesCannotSay) {
  const auto settings = parsed(R"({"https_redirect": "true", "allow": "10.0.0.0/8, ::1",
    "loadbalancing": "hash", "hash_header": "X-T", "hash_balance": "2.5", "maintenance": "true",
    "compress": "false", "max_outstanding": {"route": "7"}})");
  EXPECT_TRUE(settings.https_redirect);
  EXPECT_EQ(settings.allow.size(), 2u);
  EXPECT_EQ(settings.hash_balance, 2.5);
  EXPECT_TRUE(settings.maintenance);
  EXPECT_FALSE(settings.compress);
  EXPECT_EQ(settings.max_outstanding.route, 7);
}

TEST(RouteSettings, NullMeansMissing) {
  EXPECT_EQ(parsed(R"({"allow": null, "deadlines": {"answer": null}, "error_pages": {"404": null},
                       "maintenance": null})"),
            RouteSettings());
}

TEST(RouteSettings, RefusalsNameTheField) {
  const std::vector<std::pair<const char*, const char*>> wrong{
      {R"({"loadbalancing": "random"})", "loadbalancing: must be least-connection, round-robin"},
      {R"({"hash_header": "X"})", "hash_header: can only be set when loadbalancing is hash"},
      {R"({"hash_balance": 2})", "hash_balance: can only be set when loadbalancing is hash"},
      {R"({"loadbalancing": "hash"})", "hash_header: must be set"},
      {R"({"loadbalancing": "hash", "hash_header": "X", "hash_balance": 1})", "hash_balance"},
      {R"({"loadbalancing": "hash", "hash_header": "X Y"})", "hash_header"},
      {R"({"session_cookies": ["a=b"]})", "session_cookies: 'a=b'"},
      {R"({"https_redirect": 1})", "https_redirect: must be true or false, not 1"},
      {R"({"canonical_host": "https://a.test"})", "canonical_host"},
      {R"({"canonical_host": "A.test"})", "canonical_host"},
      {R"({"maintenance": {"bypass": ["10.0.0.1/8"]}})", "maintenance.bypass: '10.0.0.1/8'"},
      {R"({"maintenance": {"retry_after": -1}})", "maintenance.retry_after"},
      {R"({"maintenance": {"after": 1}})", "maintenance.after: there is no such option"},
      {R"({"basic_auth": {"users": {}}})", "basic_auth.users: must name at least one"},
      {R"({"basic_auth": {"users": {"a:b": "$6$x"}}})", "basic_auth.users.a:b"},
      {R"({"basic_auth": {"users": {"a": "secret"}}})", "basic_auth.users.a: must be a password's"},
      {R"({"basic_auth": {"realm": "\"", "users": {"a": "$6$x"}}})", "basic_auth.realm"},
      {R"({"deny": "10.0.0.0/99"})", "deny: '10.0.0.0/99'"},
      {R"({"allow": [1]})", "allow: must be a list of texts"},
      {R"({"error_pages": {"200": ""}})", "error_pages.200"},
      {R"({"error_pages": {"4x": ""}})", "error_pages.4x"},
      {R"({"error_pages": {"404": 1}})", "error_pages.404: must be a text"},
      {R"({"body_limit": "10Q"})", "body_limit"},
      {R"({"body_limit": -1})", "body_limit"},
      {R"({"body_limit": "99999999G"})", "body_limit"},
      {R"({"compress": {"types": ["html"]}})", "compress.types: 'html'"},
      {R"({"response_headers": {"set": {"Content-Length": "1"}}})",
       "response_headers.set.Content-Length: is the router's own"},
      {R"({"response_headers": {"set": {"A": "x\r\nB: y"}}})", "response_headers.set.A"},
      {R"({"response_headers": {"remove": ["A B"]}})", "response_headers.remove"},
      {R"({"deadlines": {"answer": "0s"}})", "deadlines.answer: must be a time"},
      {R"({"deadlines": {"answer": "25h"}})", "deadlines.answer"},
      {R"({"deadlines": {"answer": "1.5s"}})", "deadlines.answer"},
      {R"({"deadlines": 5})", "deadlines: must be an object"},
      {R"({"max_outstanding": {"instance": -1}})", "max_outstanding.instance"},
      {R"({"queue": {"length": "many"}})", "queue.length"},
      {R"({"sticky": true})", "sticky: there is no such option; known are"},
  };
  for (const auto& [text, message] : wrong) EXPECT_THAT(refusal(text), HasSubstr(message)) << text;
}

TEST(RouteSettings, AreBounded) {
  json::array many;
  for (std::size_t n = 0; n <= limits::kRouteIpRanges; ++n) many.push_back("10.0.0.0/8");
  EXPECT_THAT(refusal(json::serialize(json::object{{"allow", many}})), HasSubstr("allow: at most"));
  const std::string page(limits::kRoutePageBytes, 'x');
  EXPECT_THAT(refusal(json::serialize(json::object{{"error_pages", {{"404", page + "x"}}}})),
              HasSubstr("error_pages.404: must have at most"));
  EXPECT_THAT(refusal(json::serialize(
                  json::object{{"error_pages", {{"404", page}, {"403", page}, {"500", page}}}})),
              HasSubstr("all of them together"));
}

}  // namespace
}  // namespace nuri::model
