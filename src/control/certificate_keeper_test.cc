#include "control/certificate_keeper.h"

#include "control/test_control.h"

namespace nuri::control {
namespace {

using model::CertificateOrigin;
using store::Query;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Duration kDay = 24h;

// An authority that does what a test says.
class FakeIssuer final : public CertificateIssuer {
 public:
  explicit FakeIssuer(async::Loop& loop) : loop_(loop) {}
  Task<Issued> issue(std::vector<std::string> names) override {
    asked.push_back(names);
    most_at_once = std::max(most_at_once, ++under_way_);
    const auto slept = co_await async::sleep(takes);
    --under_way_;
    if (!slept) co_return Issued{.error = "cancelled"};
    Issued out{.error = refusal, .asked_to_wait = asks_to_wait};
    if (refusal.empty()) out.pem = net::make_self_signed(names, loop_.wall() + age, validity);
    co_return out;
  }

  std::vector<std::vector<std::string>> asked;
  int most_at_once = 0;
  Duration takes = 10s, validity = 90 * kDay, age{}, asks_to_wait{};
  std::string refusal;

 private:
  async::Loop& loop_;
  int under_way_ = 0;
};

class CertificateKeeperTest : public ControlTest {
 protected:
  CertificateKeeperTest() {
    change(domain_.guid, [](model::Domain& row) { row.name = "example.com"; });
    live();
  }
  ~CertificateKeeperTest() override { die(); }

  // A life of the keeper.
  void live(bool dns = false) {
    keeper_ = std::make_unique<CertificateKeeper>(CertificateKeeperParts{
        loop_, server_->live, issuer_, random_, {.dns = dns, .local_authority = false}});
    tasks_ = std::make_unique<async::TaskGroup>(loop_);
    tasks_->spawn(keeper_->run());
  }
  // As kill -9.
  void die() {
    tasks_.reset();
    keeper_.reset();
  }
  void restart() {
    die();
    reboot();
    live();
  }
  std::vector<model::CertificateOrder> orders() { return all<model::CertificateOrder>(); }
  std::vector<model::Certificate> certificates() { return all<model::Certificate>(); }
  model::CertificateOrder order() {
    const auto rows = orders();
    EXPECT_THAT(rows, SizeIs(1));
    return rows.empty() ? model::CertificateOrder() : rows.front();
  }
  bool until_asked(std::size_t times, Duration limit = 5min) {
    return until([&] { return issuer_.asked.size() >= times; }, limit);
  }
  bool until_issued() {
    return until([&] { return !certificates().empty(); }, 5min);
  }

  FakeIssuer issuer_{loop_};
  std::unique_ptr<CertificateKeeper> keeper_;
  std::unique_ptr<async::TaskGroup> tasks_;
};

TEST_F(CertificateKeeperTest, AHostGetsItsCertificateWhenItsRouteLeadsToAnApp) {
  model::Route nowhere;
  nowhere.space = space_.guid, nowhere.domain = domain_.guid, nowhere.host = "nowhere";
  insert(nowhere);
  make_app("shop");
  ASSERT_TRUE(until_issued());
  const auto row = order();
  EXPECT_EQ(row.name, "shop.example.com");
  EXPECT_EQ(row.failures, 0);
  EXPECT_EQ(row.error, "");
  EXPECT_FALSE(row.last_failure);
  const auto made = certificates().at(0);
  EXPECT_EQ(made.guid, row.certificate);
  EXPECT_EQ(made.origin, CertificateOrigin::authority);
  EXPECT_THAT(made.names, ElementsAre("shop.example.com"));
  EXPECT_EQ(net::Certificate::parse(made.chain, made.key)->not_after(), made.not_after);
  pass(1h);
  EXPECT_THAT(issuer_.asked, SizeIs(1));
}

TEST_F(CertificateKeeperTest, ADomainGetsOneWithItsWildcardWhereDnsProves) {
  die();
  live(true);
  make_app("shop"), make_app("blog");
  ASSERT_TRUE(until_issued());
  EXPECT_EQ(order().name, "*.example.com");
  EXPECT_THAT(issuer_.asked, ElementsAre(ElementsAre("example.com", "*.example.com")));
}

TEST_F(CertificateKeeperTest, ItIsRenewedInTimeAndTheOldOneGoes) {
  issuer_.validity = 3 * kDay + -1h;  // it begins an hour before
  make_app("shop");
  ASSERT_TRUE(until_issued());
  const auto first = certificates().at(0);
  pass(first.not_before + 2 * kDay - loop_.wall() - 1min);
  EXPECT_EQ(certificates().at(0), first);
  pass(3min);
  ASSERT_THAT(certificates(), SizeIs(1));
  EXPECT_EQ(order().certificate, certificates().at(0).guid);
  EXPECT_GT(certificates().at(0).not_after, first.not_after);
}

TEST_F(CertificateKeeperTest, AFailureIsKeptInWordsAndWaitedAfter) {
  issuer_.refusal = "the authority says no";
  issuer_.asks_to_wait = 3h;
  make_app("shop");
  ASSERT_TRUE(until([&] { return !orders().empty() && order().error == issuer_.refusal; }));
  EXPECT_EQ(order().failures, 1);
  EXPECT_EQ(order().not_earlier, *order().last_failure + 3h);
  EXPECT_THAT(certificates(), IsEmpty());
  pass(2h);
  EXPECT_THAT(issuer_.asked, SizeIs(1));
  issuer_.refusal.clear();
  ASSERT_TRUE(until_asked(2, 2h));
  ASSERT_TRUE(until_issued());
  EXPECT_EQ(order().failures, 0);
  EXPECT_EQ(order().error, "");
}

TEST_F(CertificateKeeperTest, ARenewalThatFailsLeavesTheOldCertificate) {
  make_app("shop");
  ASSERT_TRUE(until_issued());
  const auto first = certificates().at(0);
  issuer_.refusal = "no more";
  ASSERT_TRUE(until_asked(2, 61 * kDay));
  pass(1min);
  EXPECT_EQ(certificates().at(0), first);
  EXPECT_EQ(order().certificate, first.guid);
  EXPECT_EQ(order().error, "no more");
}

TEST_F(CertificateKeeperTest, ACrashInTheMiddleIsAFailure) {
  make_app("shop");
  ASSERT_TRUE(until_asked(1));
  for (int n = 0; n < 10; ++n) {
    restart();
    pass(1min);
  }
  EXPECT_THAT(issuer_.asked, SizeIs(1));
  EXPECT_EQ(order().failures, 1);
  EXPECT_THAT(order().error, HasSubstr("was cut short"));
  ASSERT_TRUE(until_asked(2, 1h));
  ASSERT_TRUE(until_issued());
}

TEST_F(CertificateKeeperTest, AnEndInTheMiddleIsNone) {
  make_app("shop");
  ASSERT_TRUE(until_asked(1));
  tasks_->cancel();
  ASSERT_TRUE(until([&] { return tasks_->size() == 0; }));
  EXPECT_EQ(order().failures, 0);
  EXPECT_EQ(order().error, "");
  restart();
  pass(30s);
  EXPECT_THAT(issuer_.asked, SizeIs(1));
  ASSERT_TRUE(until_asked(2, 1min));
}

TEST_F(CertificateKeeperTest, OnlySoManyAreUnderWayAtOnce) {
  for (int n = 0; n < 9; ++n) make_app("shop" + std::to_string(n));
  ASSERT_TRUE(until([&] { return certificates().size() == 9; }, 10min));
  EXPECT_EQ(issuer_.most_at_once, static_cast<int>(limits::kCertificateOrdersAtOnce));
  EXPECT_THAT(issuer_.asked, SizeIs(9));
}

TEST_F(CertificateKeeperTest, ACertificateThatIsOverWhenItComesIsNotAskedForAgainAndAgain) {
  issuer_.age = -100 * kDay;
  make_app("shop");
  ASSERT_TRUE(until_issued());
  EXPECT_EQ(order().failures, 1);
  EXPECT_THAT(order().error, HasSubstr("check the clock"));
  pass(30min);
  EXPECT_THAT(issuer_.asked, SizeIs(1));
}

TEST_F(CertificateKeeperTest, ADeletedOrderIsMadeAtOnce) {
  issuer_.refusal = "no";
  make_app("shop");
  ASSERT_TRUE(until([&] { return !orders().empty() && order().error == "no"; }));
  write([guid = order().guid](store::Writer& tx) { tx.erase(guid); });
  EXPECT_TRUE(until_asked(2, 10s));
}

TEST_F(CertificateKeeperTest, AnOrderDeletedUnderWayIsKeptWhenItComes) {
  make_app("shop");
  ASSERT_TRUE(until_asked(1));
  write([guid = order().guid](store::Writer& tx) { tx.erase(guid); });
  ASSERT_TRUE(until_issued());
  EXPECT_EQ(order().certificate, certificates().at(0).guid);
  EXPECT_THAT(issuer_.asked, SizeIs(1));
}

TEST_F(CertificateKeeperTest, WithoutARouteItGoesWhenItHasExpired) {
  make_app("shop");
  ASSERT_TRUE(until_issued());
  write([](store::Writer& tx) { tx.erase_all(Query<model::Route>()); });
  pass(80 * kDay);
  EXPECT_THAT(certificates(), SizeIs(1));
  pass(11 * kDay);
  EXPECT_THAT(certificates(), IsEmpty());
  EXPECT_THAT(orders(), IsEmpty());
  EXPECT_THAT(issuer_.asked, SizeIs(1));
}

TEST_F(CertificateKeeperTest, AStoreThatFailsIsAskedAgain) {
  server_->tasks.cancel();  // so that none but the keeper reads
  ASSERT_TRUE(until([&] { return server_->tasks.size() == 0; }));
  die();
  make_app("shop");
  server_->store.fail_next(store::MemoryStore::Fault::read);
  live();
  pass(1s);
  EXPECT_TRUE(until_issued());
}

}  // namespace
}  // namespace nuri::control
