#include "router/trace_context.h"

#include <gmock/gmock.h>

#include "router/request_head.h"
#include "router/test_sockets.h"

namespace nuri::router {
namespace {

constexpr const char* kId = "0123456789abcdef0011223344556677";
constexpr const char* kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";

// The head that an instance gets for a request with these fields.
std::string passed_on(const std::string& fields) {
  http::HeadSpace space;
  http::HeadParser parser(http::HeadParser::Kind::request);
  const std::string text = "GET / HTTP/1.1\r\nHost: a.test\r\n" + fields + "\r\n";
  const auto head = parser.parse(text, space);
  if (!head || !*head) throw std::runtime_error("not a head: " + text);
  std::string out;
  append_request_head(out, **head, {"192.0.2.1", "http", kId});
  return out;
}

std::string started() { return std::string("00-") + kId + "-0123456789abcdef-01"; }

TEST(TraceContext, IsStartedWhereThereIsNone) {
  EXPECT_EQ(field(passed_on(""), "traceparent"), started());
  EXPECT_EQ(field(passed_on("tracestate: a=b\r\n"), "tracestate"), "") << "of no trace";
}

TEST(TraceContext, OfTheClientIsContinuedWithTheRouterAsParent) {
  const std::string out = passed_on(std::string("Traceparent: 00-") + kTrace +
                                    "-00f067aa0ba902b7-00\r\nTracestate: vendor=1\r\n");
  EXPECT_EQ(field(out, "traceparent"), std::string("00-") + kTrace + "-0123456789abcdef-00")
      << "a client that does not sample is not overruled";
  EXPECT_EQ(field(out, "tracestate"), "vendor=1");
}

TEST(TraceContext, OfALaterVersionIsReadAsFarAsItIsKnown) {
  EXPECT_EQ(field(passed_on(std::string("traceparent: cc-") + kTrace +
                            "-00f067aa0ba902b7-01-what-is-new\r\n"),
                  "traceparent"),
            std::string("00-") + kTrace + "-0123456789abcdef-01");
}

TEST(TraceContext, ThatIsMalformedIsReplaced) {
  const std::string trace = kTrace;
  for (const std::string& value :
       {std::string("x"), "00-" + trace + "-00f067aa0ba902b7",
        "00-" + trace + "-00f067aa0ba902b7-01-more", "ff-" + trace + "-00f067aa0ba902b7-01",
        "00-" + std::string(32, '0') + "-00f067aa0ba902b7-01",
        "00-" + trace + "-0000000000000000-01", "00-" + trace + "-00F067AA0BA902B7-01",
        "00_" + trace + "-00f067aa0ba902b7-01", "cc-" + trace + "-00f067aa0ba902b7-01x"})
    EXPECT_EQ(field(passed_on("traceparent: " + value + "\r\n"), "traceparent"), started())
        << value;
  const std::string good = "traceparent: 00-" + trace + "-00f067aa0ba902b7-01\r\n";
  EXPECT_EQ(field(passed_on(good + good), "traceparent"), started()) << "two are none";
}

}  // namespace
}  // namespace nuri::router
