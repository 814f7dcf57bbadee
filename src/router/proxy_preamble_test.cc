#include "router/proxy_preamble.h"

#include <gtest/gtest.h>

#include <string>

#include "base/limits.h"

namespace nuri::router {
namespace {

using namespace std::string_literals;

// "CLIENT BYTES", "more" or "broken".
std::string read(std::string_view text) {
  const auto parsed = parse_proxy_preamble(text);
  if (!parsed) return "broken";
  if (!*parsed) return "more";
  return ((*parsed)->client ? (*parsed)->client->str() : "none") + " " +
         std::to_string((*parsed)->bytes);
}

std::string version2(unsigned char command, unsigned char family, std::string_view rest) {
  std::string out("\r\n\r\n\0\r\nQUIT\n", 12);
  out += static_cast<char>(command);
  out += static_cast<char>(family);
  out += static_cast<char>(rest.size() >> 8);
  out += static_cast<char>(rest.size() & 255);
  return out.append(rest);
}

const std::string kFour = "\xc0\x00\x02\x01\x0a\x00\x00\x01\x30\x39\x01\xbb"s;

TEST(ProxyPreamble, Version1SaysWhoTheClientIs) {
  EXPECT_EQ(read("PROXY TCP4 192.0.2.1 10.0.0.1 12345 443\r\nGET"), "192.0.2.1:12345 41");
  EXPECT_EQ(read("PROXY TCP6 2001:db8::1 ::1 1 2\r\n"), "[2001:db8::1]:1 32");
  EXPECT_EQ(read("PROXY UNKNOWN\r\n"), "none 15");
  EXPECT_EQ(read("PROXY UNKNOWN ffff:f ffff:f 65535 65535\r\n"), "none 41");
}

TEST(ProxyPreamble, Version1IsStrict) {
  for (const char* text :
       {"PROXY TCP4 192.0.2.1 10.0.0.1 12345\r\n", "PROXY TCP4  192.0.2.1 10.0.0.1 1 2\r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.1 01 2\r\n", "PROXY TCP4 192.0.2.1 10.0.0.1 1 65536\r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.1 1 2 \r\n", "PROXY TCP4 ::1 ::1 1 2\r\n",
        "PROXY TCP6 192.0.2.1 ::1 1 2\r\n", "PROXY TCP5 192.0.2.1 10.0.0.1 1 2\r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.1 1 2\n\r\n", "PROXY TCP4 192.0.2.1 10.0.0.1 -1 2\r\n",
        "proxy TCP4 192.0.2.1 10.0.0.1 1 2\r\n", "GET / HTTP/1.1\r\n"})
    EXPECT_EQ(read(text), "broken") << text;
  EXPECT_EQ(read("PROXY UNKNOWN " + std::string(200, 'x')), "broken");
}

TEST(ProxyPreamble, Version2SaysWhoTheClientIs) {
  EXPECT_EQ(read(version2(0x21, 0x11, kFour) + "GET"), "192.0.2.1:12345 28");
  EXPECT_EQ(read(version2(0x21, 0x11, kFour + "\x04\x00\x01\x00"s)), "192.0.2.1:12345 32");
  const std::string six = "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x01" +
                          std::string(16, '\0') + "\x00\x07\x00\x08"s;
  EXPECT_EQ(read(version2(0x21, 0x21, six)), "[2001:db8::1]:7 52");
  EXPECT_EQ(read(version2(0x20, 0x00, "")), "none 16");
  EXPECT_EQ(read(version2(0x21, 0x00, "")), "none 16");
}

TEST(ProxyPreamble, Version2IsStrict) {
  EXPECT_EQ(read(version2(0x31, 0x11, kFour)), "broken");
  EXPECT_EQ(read(version2(0x22, 0x11, kFour)), "broken");
  EXPECT_EQ(read(version2(0x21, 0x12, kFour)), "broken");
  EXPECT_EQ(read(version2(0x21, 0x11, kFour.substr(1))), "broken");
  EXPECT_EQ(read(version2(0x21, 0x21, kFour)), "broken");
  EXPECT_EQ(read(version2(0x21, 0x31, kFour)), "broken");
  // Before all of it came.
  const std::string longest(limits::kProxyPreambleBytes, 'x');
  EXPECT_EQ(read(version2(0x21, 0x11, longest).substr(0, 16)), "broken");
}

TEST(ProxyPreamble, WaitsForTheRestWhereverItIsCut) {
  for (const std::string& whole :
       {"PROXY TCP4 192.0.2.1 10.0.0.1 1 2\r\n"s, version2(0x21, 0x11, kFour)})
    for (std::size_t bytes = 0; bytes < whole.size(); ++bytes)
      EXPECT_EQ(read(whole.substr(0, bytes)), "more") << bytes;
}

}  // namespace
}  // namespace nuri::router
