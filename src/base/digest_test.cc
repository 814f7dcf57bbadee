#include "base/digest.h"

#include <gtest/gtest.h>

namespace nuri {
namespace {

// FIPS 180-2, appendix B and C.
constexpr std::string_view kTwoBlocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

TEST(DigestTest, GivesThePublishedVectors) {
  EXPECT_EQ(Digest::of("").hex(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Digest::of("abc").str(),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Digest::of(kTwoBlocks).hex(),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  Hasher sha1(Hasher::Kind::sha1);
  sha1.update("abc");
  EXPECT_EQ(sha1.finish_hex(), "a9993e364706816aba3e25717850c26c9cd0d89d");
}

TEST(DigestTest, AStreamInPiecesHashesLikeTheWhole) {
  for (std::size_t cut = 0; cut <= kTwoBlocks.size(); ++cut) {
    Hasher hasher;
    hasher.update(kTwoBlocks.substr(0, cut));
    Hasher moved = std::move(hasher);
    moved.update(kTwoBlocks.substr(cut));
    EXPECT_EQ(moved.finish(), Digest::of(kTwoBlocks));
  }
}

TEST(DigestTest, OnlyItsOwnFormParses) {
  const std::string good = Digest::of("abc").str();
  EXPECT_EQ(Digest::parse(good), Digest::of("abc"));
  EXPECT_FALSE(Digest::parse(""));
  EXPECT_FALSE(Digest::parse(good.substr(0, good.size() - 1)));
  EXPECT_FALSE(Digest::parse(good + "0"));
  EXPECT_FALSE(Digest::parse("sha512:" + good.substr(7)));
  std::string upper = good;
  upper[8] = 'A';
  EXPECT_FALSE(Digest::parse(upper));
  std::string path = good;
  path[10] = '/';
  EXPECT_FALSE(Digest::parse(path));
}

}  // namespace
}  // namespace nuri
