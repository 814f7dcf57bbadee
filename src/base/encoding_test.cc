#include "base/encoding.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace nuri {
namespace {

TEST(EncodingTest, GivesTheVectorsOfRfc4648) {
  // RFC 4648 section 10.
  const std::pair<std::string_view, std::string_view> vectors[] = {{"", ""},
                                                                   {"f", "Zg=="},
                                                                   {"fo", "Zm8="},
                                                                   {"foo", "Zm9v"},
                                                                   {"foob", "Zm9vYg=="},
                                                                   {"fooba", "Zm9vYmE="},
                                                                   {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(base64(bytes), text);
    EXPECT_EQ(decode_base64(text), bytes);
    EXPECT_EQ(decode_base64(text.substr(0, text.find('='))), bytes);
  }
  EXPECT_EQ(base64url("\xfb\xff\xfe"), "-__-");
  EXPECT_EQ(base64("\xfb\xff\xfe"), "+//+");
}

TEST(EncodingTest, WhatWasEncodedDecodes) {
  SeededRandom random(3);
  for (std::size_t size = 0; size < 100; ++size) {
    std::string bytes(size, '\0');
    random.fill({reinterpret_cast<unsigned char*>(bytes.data()), size});
    EXPECT_EQ(decode_base64(base64(bytes)), bytes);
    EXPECT_EQ(decode_base64url(base64url(bytes)), bytes);
    EXPECT_EQ(percent_decode(percent_encode(bytes)), bytes);
    EXPECT_EQ(decode_form(percent_encode(bytes)), bytes);
    EXPECT_EQ(hex(bytes).size(), 2 * size);
  }
}

TEST(EncodingTest, WhatIsNotBase64IsRefused) {
  for (const std::string_view bad :
       {"Z", "Zm9vY", "Zm9v!", "Zm 9v", "Zg==Zg==", "Zg=v", "-__-", "Zg===", "Zg=", "====", "="})
    EXPECT_FALSE(decode_base64(bad)) << bad;
  EXPECT_FALSE(decode_base64url("+//+"));
}

TEST(EncodingTest, OneTextPerValue) {
  // Bits that no byte takes must be zero (RFC 4648 section 3.5): else a token has many forms.
  EXPECT_FALSE(decode_base64url("Zh"));
  EXPECT_FALSE(decode_base64("Zm9="));
}

TEST(EncodingTest, PercentEncodingFollowsRfc3986) {
  EXPECT_EQ(percent_encode("a b/c~d-e.f_g+é"), "a%20b%2Fc~d-e.f_g%2B%C3%A9");
  EXPECT_EQ(percent_decode("a%2fb+c"), "a/b+c");
  EXPECT_EQ(decode_form("a%2Fb+c"), "a/b c");
  for (const std::string_view bad : {"%", "%2", "a%2", "%zz", "%2g", "%%41"})
    EXPECT_FALSE(percent_decode(bad)) << bad;
}

TEST(EncodingTest, HexIsLowerCase) {
  EXPECT_EQ(hex(std::string_view("\x00\x0f\xf0\xff", 4)), "000ff0ff");
}

}  // namespace
}  // namespace nuri
