#include "net/certificate_pem.h"

#include <gtest/gtest.h>

#include "net/test_authority.h"

namespace nuri::net {
namespace {

TEST(CertificatePem, HoldsTheChainAndTheKeyEachAlone) {
  const TestAuthority root("root"), between("between", &root);
  const PemPair given = between.issue("a.example.com");
  const auto parsed =
      Certificate::parse("a comment\n" + given.chain + given.key, given.chain + given.key);
  const PemPair written = pem_of(*parsed);
  EXPECT_EQ(written.chain, given.chain);
  EXPECT_EQ(written.key, given.key);
  const auto again = Certificate::parse(written.chain, written.key);
  EXPECT_EQ(again->fingerprint(), parsed->fingerprint());
  EXPECT_EQ(again->intermediates().size(), 1U);
}

}  // namespace
}  // namespace nuri::net
