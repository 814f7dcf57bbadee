#include "control/self_signed.h"

#include <gmock/gmock.h>

#include "model/certificate.h"
#include "net/certificate.h"
#include "store/memory/memory_store.h"

namespace nuri::control {
namespace {

constexpr Duration kDay = std::chrono::hours(24);

class SelfSignedTest : public testing::Test {
 protected:
  void ensure(const std::string& domain, Duration later = {}) {
    ensure_self_signed(store_, domain, start_ + later, random_);
  }
  std::vector<model::Certificate> rows() {
    return store_.read(
        [](store::Reader& reader) { return reader.all(store::Query<model::Certificate>()); });
  }
  const WallTime start_ = WallTime{} + kDay * 20'000;
  SeededRandom random_{1};
  store::MemoryStore store_;
};

TEST_F(SelfSignedTest, IsMadeForTheDomainAndEveryNameBelowItAndLasts397Days) {
  ensure("apps.test");
  ASSERT_EQ(rows().size(), 1U);
  const auto row = rows().front();
  EXPECT_EQ(row.origin, model::CertificateOrigin::self_signed);
  EXPECT_THAT(row.names, testing::ElementsAre("apps.test", "*.apps.test"));
  EXPECT_EQ(row.not_after, start_ + kDay * 397);
  const auto parsed = net::Certificate::parse(row.chain, row.key);
  EXPECT_TRUE(parsed->covers("shop.apps.test"));
  EXPECT_EQ(parsed->not_after(), row.not_after);
}

TEST_F(SelfSignedTest, StaysUntil30DaysBeforeItsEndAndIsThenReplaced) {
  ensure("apps.test");
  const auto first = rows().front();
  ensure("apps.test", kDay * 366);
  EXPECT_THAT(rows(), testing::ElementsAre(first));
  ensure("apps.test", kDay * 367);
  ASSERT_EQ(rows().size(), 1U);
  EXPECT_NE(rows().front().guid, first.guid);
  EXPECT_EQ(rows().front().not_after, start_ + kDay * (367 + 397));
}

TEST_F(SelfSignedTest, OthersCertificatesAreLetBeAndDoNotCount) {
  model::Certificate uploaded;
  uploaded.guid = CertificateGuid::make(random_);
  uploaded.names = {"apps.test", "*.apps.test"};
  uploaded.not_after = start_ + kDay;
  store_.write([&](store::Writer& tx) { tx.insert(uploaded); });
  ensure("apps.test");
  ensure("other.test");
  EXPECT_EQ(rows().size(), 3U);
  ensure("other.test", kDay * 390);
  EXPECT_EQ(rows().size(), 3U);
}

}  // namespace
}  // namespace nuri::control
