#include "http/body_parser.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace nuri::http {
namespace {

using Kind = Framing::Kind;

// "data|rest" when the body is complete, "data…" when more is needed, "400 reason" when refused.
std::string read(Framing framing, std::string_view bytes, std::size_t piece) {
  BodyParser parser(framing);
  std::string data, pending;
  while (!parser.done()) {
    if (pending.empty()) {
      if (bytes.empty()) return data + "…";
      pending = bytes.substr(0, piece);
      bytes.remove_prefix(pending.size());
    }
    const auto step = parser.parse(pending);
    if (!step) return std::to_string(step.error().status) + " " + std::string(step.error().reason);
    data += step->data;
    pending.erase(0, step->consumed);
  }
  return data + "|" + pending + std::string(bytes);
}

struct Case {
  std::string_view text;
  std::string_view outcome;
};

void check(Framing framing, const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    const std::string whole = read(framing, c.text, 1 << 20);
    EXPECT_TRUE(c.outcome.size() == 3 ? whole.starts_with(c.outcome) : whole == c.outcome)
        << whole << " for:\n"
        << c.text;
    for (std::size_t piece = 1; piece <= c.text.size(); ++piece)
      ASSERT_EQ(read(framing, c.text, piece), whole) << piece << "\n" << c.text;
  }
}

TEST(BodyParser, CountsTheBytesOfALength) {
  check({Kind::length, 5}, {{"abcdefg", "abcde|fg"}, {"abc", "abc…"}});
  check({Kind::length, 0}, {{"abc", "|abc"}});
  check({Kind::none, 0}, {{"abc", "|abc"}});
}

TEST(BodyParser, ReadsUntilTheEndWhereNothingElseSays) {
  BodyParser parser({Kind::until_close, 0});
  EXPECT_EQ(parser.parse("abc")->data, "abc");
  EXPECT_FALSE(parser.done());
  EXPECT_TRUE(parser.may_end());
}

TEST(BodyParser, TakesChunksApart) {
  check({Kind::chunked, 0}, {
                                {"0\r\n\r\nX", "|X"},
                                {"3\r\nabc\r\n0\r\n\r\n", "abc|"},
                                {"3\r\nabc\r\nA\r\n0123456789\r\n000\r\n\r\nX", "abc0123456789|X"},
                                {"3;a\r\nabc\r\n0;b=c;d=\"e; f\"\r\n\r\n", "abc|"},
                                {"3\r\nabc\r\n0\r\nA: b\r\nC:\r\n\r\nX", "abc|X"},
                                {"3\r\nab", "ab…"},
                                {"3\r\nabc\r\n0\r\n", "abc…"},
                            });
}

TEST(BodyParser, RefusesWhatPeersReadDifferently) {
  using namespace std::string_view_literals;
  check({Kind::chunked, 0}, {
                                {"\r\nabc", "400"},
                                {"g\r\n", "400"},
                                {"+3\r\nabc\r\n", "400"},
                                {"-3\r\nabc\r\n", "400"},
                                {"0x3\r\nabc\r\n", "400"},
                                {" 3\r\nabc\r\n", "400"},
                                {"3 \r\nabc\r\n", "400"},
                                {"3\nabc\r\n", "400"},
                                {"3\rabc\r\n", "400"},
                                {"3\r\nabcd\r\n", "400"},
                                {"3\r\nabc\n0\r\n\r\n", "400"},
                                {"3\r\nabc0\r\n\r\n", "400"},
                                {"3\r\nabc\r0\r\n\r\n", "400"},
                                {"3\r\n\r\nabc\r\n", "400"},
                                {"1000000000000000\r\n", "413"},
                                {"0000000000000003\r\n", "413"},
                                {"ffffffffffffffffffff\r\n", "413"},
                                {"3;\r\nabc\r\n", "400"},
                                {"3;a=\r\nabc\r\n", "400"},
                                {"3;a=b c\r\nabc\r\n", "400"},
                                {"3 ;a\r\nabc\r\n", "400"},
                                {"3; a\r\nabc\r\n", "400"},
                                {"3;a\nb\r\nabc\r\n", "400"},
                                {"3;a=\"b\nc\"\r\nabc\r\n", "400"},
                                {"3;a=\"b\"c\r\nabc\r\n", "400"},
                                {"3;a=\"b\\\"\"\r\nabc\r\n", "400"},
                                {"3;a=\"b\0\"\r\nabc\r\n"sv, "400"},
                                {"0\r\nA : b\r\n\r\n", "400"},
                                {"0\r\nA: b\r\n c\r\n\r\n", "400"},
                                {"0\r\nA: b\n\r\n", "400"},
                                {"0\r\nA: b\r\r\n\r\n", "400"},
                                {"0\r\nA\r\n\r\n", "400"},
                                {"0\r\n: b\r\n\r\n", "400"},
                                {"0\r\nA: \x01\r\n\r\n", "400"},
                                {"0\r\n\n", "400"},
                                {"0\r\n\rX", "400"},
                                {"0\n\r\n", "400"},
                            });
}

TEST(BodyParser, RefusesTrailerFieldsThatMeanSomethingInAHeadOnly) {
  check({Kind::chunked, 0}, {
                                {"0\r\nContent-Length: 5\r\n\r\n", "400"},
                                {"0\r\nA: b\r\ncontent-lengtH:\r\n\r\n", "400"},
                                {"0\r\nTransfer-Encoding: chunked\r\n\r\n", "400"},
                                {"0\r\nHost: a.example\r\n\r\n", "400"},
                                {"0\r\nConnection: close\r\n\r\n", "400"},
                                {"0\r\nUpgrade: h2c\r\n\r\n", "400"},
                                {"0\r\nTransfer-Encodings: x\r\nHos: t\r\n\r\nX", "|X"},
                                {"0\r\nX-Transfer-Encoding: x\r\n\r\nX", "|X"},
                            });
}

TEST(BodyParser, LimitsExtensionsAndTrailers) {
  const Framing chunked{Kind::chunked, 0};
  std::string extended;
  for (std::size_t i = 0; i < 100; ++i) extended += "1;" + std::string(100, 'a') + "\r\nx\r\n";
  EXPECT_EQ(read(chunked, extended, 1000), "413 the chunks' extensions are too large");
  EXPECT_EQ(read(chunked, "0\r\nA: " + std::string(limits::kTrailerBytes, 'x'), 1000),
            "431 the trailer is too large");
}

TEST(BodyParser, GivesContentInPlace) {
  const std::string bytes = "3\r\nabc\r\n";
  BodyParser parser({Kind::chunked, 0});
  const auto step = parser.parse(bytes);
  EXPECT_EQ(step->data.data(), bytes.data() + 3);
  EXPECT_EQ(step->consumed, 6U);
}

}  // namespace
}  // namespace nuri::http
