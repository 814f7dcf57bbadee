#include "cli/certificate_view.h"

#include <gtest/gtest.h>

namespace nuri::cli {
namespace {

std::string shown_after(Duration since_then) {
  WallTime then;
  EXPECT_TRUE(parse_rfc3339("2026-05-01T00:00:00Z", then));
  return show_expiry("2026-05-01T00:00:00Z", then + since_then);
}

TEST(CertificateView, ExpiryIsSaidInUnitsThatAPersonCountsIn) {
  EXPECT_EQ(shown_after(-62 * 24h - 5h), "in 62 days");
  EXPECT_EQ(shown_after(-47h), "in 47 hours");
  EXPECT_EQ(shown_after(-119min), "in 119 minutes");
  EXPECT_EQ(shown_after(-1min), "in 1 minute");
  EXPECT_EQ(shown_after(1s), "expired 0 minutes ago");
  EXPECT_EQ(shown_after(72h), "expired 3 days ago");
  EXPECT_EQ(show_expiry("soon", {}), "soon");
}

TEST(CertificateView, OfManyNamesTheFirstAreShown) {
  EXPECT_EQ(show_names({"a", "b"}), "a, b");
  EXPECT_EQ(show_names({"a", "b", "c", "d", "e"}), "a, b, c and 2 more");
  EXPECT_EQ(show_names({}), "");
}

}  // namespace
}  // namespace nuri::cli
