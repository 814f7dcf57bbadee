#include "plan/certificates.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <random>

#include "base/random.h"

namespace nuri::plan {
namespace {

using Origin = model::CertificateOrigin;
using Shown = std::map<std::string, std::string>;

class CertificatesTest : public testing::Test {
 protected:
  // Its chain is its own name in these tests.
  void row(const std::string& name, Origin origin, std::vector<std::string> names,
           int ends_in_days = 90) {
    model::Certificate one;
    one.guid = CertificateGuid::make(random_);
    one.origin = origin;
    one.names = std::move(names);
    one.chain = name;
    one.key = "key of " + name;
    one.not_after = WallTime{} + std::chrono::hours(24) * ends_in_days;
    rows_.push_back(std::move(one));
  }
  // Host → chain.
  Shown shown() const {
    Shown out;
    for (const auto& one : table_certificates(rows_, "apps.test"))
      for (const auto& host : one.hosts) {
        EXPECT_TRUE(out.emplace(host, one.chain).second) << host << " twice";
        EXPECT_EQ(one.key, "key of " + one.chain);
      }
    return out;
  }
  SeededRandom random_{1};
  std::vector<model::Certificate> rows_;
};

TEST_F(CertificatesTest, EachIsForTheNamesThatItCarries) {
  row("a", Origin::uploaded, {"a.test", "www.a.test"});
  row("b", Origin::authority, {"*.b.test"});
  EXPECT_EQ(shown(), (Shown{{"a.test", "a"}, {"www.a.test", "a"}, {"*.b.test", "b"}}));
}

TEST_F(CertificatesTest, UploadedComesBeforeAuthoritysBeforeSelfSigned) {
  row("self", Origin::self_signed, {"a.test", "b.test", "c.test"}, 900);
  row("authority", Origin::authority, {"a.test", "b.test"}, 90);
  row("uploaded", Origin::uploaded, {"a.test"}, 9);
  EXPECT_EQ(shown(), (Shown{{"a.test", "uploaded"}, {"b.test", "authority"}, {"c.test", "self"}}));
}

TEST_F(CertificatesTest, OfOneOriginTheOneThatEndsLastIsShown) {
  row("old", Origin::authority, {"a.test", "only.test"}, 10);
  row("new", Origin::authority, {"a.test"}, 80);
  EXPECT_EQ(shown(), (Shown{{"a.test", "new"}, {"only.test", "old"}}));
}

TEST_F(CertificatesTest, WhatIsLeftNoNameIsLeftOut) {
  row("old", Origin::authority, {"a.test"}, 10);
  row("new", Origin::authority, {"a.test"}, 80);
  EXPECT_EQ(table_certificates(rows_, "apps.test").size(), 1U);
}

TEST_F(CertificatesTest, TheRealmsSelfSignedOneIsForWhoAsksForNoneAlsoWhenItsNamesAreAnothers) {
  row("realm", Origin::self_signed, {"apps.test", "*.apps.test"});
  row("other", Origin::self_signed, {"other.test"}, 900);
  EXPECT_EQ(shown().at(""), "realm");
  row("uploaded", Origin::uploaded, {"apps.test", "*.apps.test"});
  EXPECT_EQ(shown(), (Shown{{"", "realm"},
                            {"apps.test", "uploaded"},
                            {"*.apps.test", "uploaded"},
                            {"other.test", "other"}}));
}

TEST_F(CertificatesTest, WithoutASelfSignedOneOfTheRealmNobodyIsTheDefault) {
  row("uploaded", Origin::uploaded, {"apps.test"});
  EXPECT_FALSE(shown().contains(""));
}

TEST_F(CertificatesTest, TheOrderOfTheRowsDoesNotMatter) {
  for (int n = 0; n < 12; ++n)
    row(std::to_string(n), static_cast<Origin>(n % 3),
        {std::to_string(n % 4) + ".test", std::to_string(n % 5) + ".test"}, n % 2);
  const auto first = table_certificates(rows_, "0.test");
  for (int n = 0; n < 50; ++n) {
    std::ranges::shuffle(rows_, std::minstd_rand(static_cast<unsigned>(n)));
    EXPECT_EQ(table_certificates(rows_, "0.test"), first);
  }
}

}  // namespace
}  // namespace nuri::plan
