#include "router/edge.h"

#include <gmock/gmock.h>

#include "base/json.h"

namespace nuri::router {
namespace {

using testing::HasSubstr;

model::RouteSettings settings(std::string_view text) {
  return model::parse_route_settings(json::parse_object(text), model::UnknownKeys::refused);
}

Asked asked() {
  return {.client = "192.0.2.7",
          .host = "a.test",
          .authority = "a.test:8080",
          .path_query = "/x?y=1",
          .framing = {}};
}

std::string location(std::string_view text, Asked of = asked()) {
  const auto answer = edge_answer(settings(text), of);
  if (!answer) return "";
  EXPECT_EQ(answer->status, 308);
  EXPECT_EQ(answer->error, "") << "a redirect is no error";
  return answer->fields;
}

int status(std::string_view text, Asked of = asked()) {
  const auto answer = edge_answer(settings(text), of);
  return answer ? answer->status : 0;
}

TEST(Edge, SettingsThatSayNothingLetEverythingThrough) { EXPECT_EQ(status("{}"), 0); }

TEST(Edge, PlainRequestsAreSentToHttps) {
  EXPECT_EQ(location(R"({"https_redirect": true})"), "Location: https://a.test/x?y=1\r\n");
  Asked secure = asked();
  secure.secure = true;
  EXPECT_EQ(location(R"({"https_redirect": true})", secure), "");
}

TEST(Edge, HttpsOnAnotherPortThanItsOwnIsNamed) {
  Asked of = asked();
  of.https_port = 8443;
  EXPECT_EQ(location(R"({"https_redirect": true})", of), "Location: https://a.test:8443/x?y=1\r\n");
  of.host = "[::1]";
  of.authority = "[::1]:8080";
  EXPECT_EQ(location(R"({"https_redirect": true})", of), "Location: https://[::1]:8443/x?y=1\r\n");
}

TEST(Edge, OtherHostsAreSentToTheCanonicalOneOnTheSamePort) {
  EXPECT_EQ(location(R"({"canonical_host": "www.a.test"})"),
            "Location: http://www.a.test:8080/x?y=1\r\n");
  Asked there = asked();
  there.host = "www.a.test";
  EXPECT_EQ(location(R"({"canonical_host": "www.a.test"})", there), "");
}

TEST(Edge, BothRedirectsAreOne) {
  EXPECT_EQ(location(R"({"canonical_host": "www.a.test", "https_redirect": true})"),
            "Location: https://www.a.test/x?y=1\r\n");
}

TEST(Edge, Ipv6HostsKeepTheirBrackets) {
  Asked of = asked();
  of.host = "[::1]";
  of.authority = "[::1]";
  EXPECT_EQ(location(R"({"https_redirect": true})", of), "Location: https://[::1]/x?y=1\r\n");
}

TEST(Edge, ListsOfAddressesAreKeptTo) {
  EXPECT_EQ(status(R"({"allow": ["192.0.2.0/24"]})"), 0);
  EXPECT_EQ(status(R"({"allow": ["198.51.100.0/24"]})"), 403);
  EXPECT_EQ(status(R"({"deny": ["192.0.2.7"]})"), 403);
  EXPECT_EQ(status(R"({"allow": ["192.0.2.0/24"], "deny": ["192.0.2.7"]})"), 403);
  EXPECT_EQ(status(R"({"deny": ["2001:db8::/32"]})"), 0);
}

TEST(Edge, WhoHasNoAddressIsNotLetInWhereAddressesCount) {
  Asked of = asked();
  of.client = "unknown";
  EXPECT_EQ(status(R"({"allow": ["0.0.0.0/0", "::/0"]})", of), 403);
  EXPECT_EQ(status(R"({"deny": ["192.0.2.7"]})", of), 403);
  EXPECT_EQ(status("{}", of), 0);
}

TEST(Edge, MaintenanceIsForAllButThoseWhoBypassIt) {
  const auto under =
      settings(R"({"maintenance": {"text": "soon", "html": "<p>", "retry_after": 9}})");
  const auto answer = edge_answer(under, asked());
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(answer->message, "soon");
  EXPECT_EQ(answer->page, "<p>");
  EXPECT_EQ(answer->retry_after_s, 9);
  EXPECT_EQ(status(R"({"maintenance": {"bypass": ["192.0.2.0/24"]}})"), 0);
}

TEST(Edge, WhoMayNotAskLearnsNothingElse) {
  EXPECT_EQ(status(R"({"deny": ["192.0.2.7"], "https_redirect": true, "maintenance": true})"), 403);
}

TEST(Edge, ContentThatIsAnnouncedTooLargeIsRefused) {
  Asked of = asked();
  of.framing = {http::Framing::Kind::length, 1025};
  EXPECT_EQ(status(R"({"body_limit": "1K"})", of), 413);
  of.framing.length = 1024;
  EXPECT_EQ(status(R"({"body_limit": "1K"})", of), 0);
  of.framing.kind = http::Framing::Kind::chunked;
  EXPECT_EQ(status(R"({"body_limit": "1K"})", of), 0);
}

TEST(Edge, TheStatusOwnPageComesBeforeItsClass) {
  const auto s = settings(R"({"error_pages": {"502": "this", "5xx": "any"}})");
  EXPECT_EQ(error_page(s, 502), "this");
  EXPECT_EQ(error_page(s, 503), "any");
  EXPECT_EQ(error_page(s, 404), "");
}

}  // namespace
}  // namespace nuri::router
