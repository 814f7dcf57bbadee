#include "plan/certificate_orders.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>

#include "base/limits.h"
#include "base/random.h"

namespace nuri::plan {
namespace {

using model::CertificateOrigin;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr WallTime kNow{1'700'000'000'000'000'000};
constexpr Duration kDay = 24h;
constexpr CertificateMeans kHttp, kDns{.dns = true, .local_authority = false};

struct World {
  SeededRandom random{1};
  CertificateRows rows;

  DomainGuid domain(std::string name, bool internal = false) {
    auto& row = rows.domains.emplace_back();
    row.guid = DomainGuid::make(random);
    row.name = std::move(name);
    row.internal = internal;
    return row.guid;
  }
  void route(const DomainGuid& domain, std::string host,
             model::RouteProtocol protocol = model::RouteProtocol::http) {
    auto& row = rows.routes.emplace_back();
    row.guid = RouteGuid::make(random);
    row.domain = domain;
    row.host = std::move(host);
    row.protocol = protocol;
  }
  model::Certificate& certificate(CertificateOrigin origin, std::vector<std::string> names,
                                  WallTime from, Duration life) {
    auto& row = rows.certificates.emplace_back();
    row.guid = CertificateGuid::make(random);
    row.origin = origin;
    row.names = std::move(names);
    row.not_before = from;
    row.not_after = from + life;
    return row;
  }
  model::CertificateOrder& order(std::string name, CertificateGuid certificate = {}) {
    const auto found = std::ranges::find(rows.orders, name, &model::CertificateOrder::name);
    auto& row = found != rows.orders.end() ? *found : rows.orders.emplace_back();
    if (row.guid.empty()) row.guid = CertificateOrderGuid::make(random);
    row.name = std::move(name);
    row.certificate = certificate;
    return row;
  }
  model::CertificateOrder& failed(std::string name, int failures, WallTime at) {
    auto& row = order(std::move(name));
    row.failures = failures;
    row.last_failure = at;
    return row;
  }
  // As its keeper does when it came.
  void issued(const CertificateWish& wish, WallTime now, Duration life = 90 * kDay) {
    const auto old = std::ranges::find(rows.orders, wish.name, &model::CertificateOrder::name);
    if (old != rows.orders.end())
      std::erase_if(rows.certificates,
                    [&](const auto& one) { return one.guid == old->certificate; });
    const auto guid = certificate(CertificateOrigin::authority, wish.names, now, life).guid;
    auto& row = order(wish.name, guid);
    row.failures = 0;
    row.last_failure.reset();
  }
  std::vector<std::string> asked(const CertificateMeans& means = kHttp, WallTime now = kNow) const {
    std::vector<std::string> out;
    for (const auto& wish : certificate_orders(rows, now, means).ask) out.push_back(wish.name);
    return out;
  }
};

TEST(CertificateOrders, AreForTheHostsOfHttpRoutes) {
  World world;
  const auto shop = world.domain("example.com"), inner = world.domain("apps.internal", true);
  world.route(shop, "");
  world.route(shop, "b");
  world.route(shop, "b");  // with another path
  world.route(shop, "*");
  world.route(shop, "", model::RouteProtocol::tcp);
  world.route(inner, "a");
  EXPECT_THAT(world.asked(), ElementsAre("b.example.com", "example.com"));
}

TEST(CertificateOrders, AreOneADomainWhereDnsProves) {
  World world;
  const auto shop = world.domain("example.com");
  world.domain("unused.example.com");
  world.route(shop, "a");
  world.route(shop, "*");
  const auto plan = certificate_orders(world.rows, kNow, kDns);
  EXPECT_THAT(plan.ask,
              ElementsAre(CertificateWish{"*.example.com", {"example.com", "*.example.com"}}));
}

TEST(CertificateOrders, AreNeverForWhatNobodyCanVouchFor) {
  World world;
  for (const char* name : {"localhost", "apps.localhost", "intranet", "192.0.2.7"}) {
    const auto domain = world.domain(name);
    for (const char* host : {"", "*"}) world.route(domain, host);
    if (std::string_view(name) != "intranet") world.route(domain, "a");
  }
  EXPECT_THAT(world.asked(), IsEmpty());
  EXPECT_THAT(world.asked(kDns), IsEmpty());
  const CertificateMeans local{.dns = false, .local_authority = true};
  EXPECT_THAT(world.asked(local), ElementsAre("a.apps.localhost", "a.localhost", "apps.localhost"));
  // A wildcard of a single label is refused everywhere.
  EXPECT_THAT(world.asked({.dns = true, .local_authority = true}),
              ElementsAre("*.apps.localhost", "a.localhost"));
}

TEST(CertificateOrders, AreNotForWhatAnUploadedCertificateCovers) {
  World world;
  const auto shop = world.domain("example.com");
  world.route(shop, "a");
  world.certificate(CertificateOrigin::uploaded, {"*.example.com"}, kNow + -kDay, 3 * kDay);
  const auto plan = certificate_orders(world.rows, kNow, kHttp);
  EXPECT_THAT(plan.ask, IsEmpty());
  EXPECT_EQ(plan.again, kNow + 2 * kDay);
  EXPECT_THAT(world.asked(kDns), IsEmpty());
  EXPECT_THAT(world.asked(kHttp, kNow + 2 * kDay), ElementsAre("a.example.com"));
  world.route(shop, "");
  EXPECT_THAT(world.asked(), ElementsAre("example.com"));
}

TEST(CertificateOrders, RenewAtTwoThirdsOfALife) {
  World world;
  world.route(world.domain("example.com"), "");
  world.issued({"example.com", {"example.com"}}, kNow);
  const auto plan = certificate_orders(world.rows, kNow, kHttp);
  EXPECT_THAT(plan.ask, IsEmpty());
  EXPECT_EQ(plan.again, kNow + 60 * kDay);
  EXPECT_THAT(world.asked(kHttp, *plan.again), ElementsAre("example.com"));
}

TEST(CertificateOrders, WaitAfterFailures) {
  World world;
  world.route(world.domain("example.com"), "");
  world.failed("example.com", 2, kNow);
  const auto plan = certificate_orders(world.rows, kNow, kHttp);
  EXPECT_THAT(plan.ask, IsEmpty());
  EXPECT_EQ(plan.again, kNow + 2h);
  EXPECT_THAT(world.asked(kHttp, kNow + 2h), ElementsAre("example.com"));
  world.rows.orders.front().not_earlier = kNow + 20h;
  EXPECT_THAT(world.asked(kHttp, kNow + 2h), IsEmpty());
}

TEST(CertificateOrders, AreNotKeptBackByTimesOfAClockThatWasWrong) {
  World world;
  world.route(world.domain("example.com"), "");
  world.failed("example.com", 1, kNow + 900 * kDay).not_earlier = kNow + 901 * kDay;
  EXPECT_THAT(world.asked(), ElementsAre("example.com"));
}

TEST(CertificateOrders, ThoseWithoutACertificateComeFirst) {
  World world;
  const auto shop = world.domain("example.com");
  for (const char* host : {"renewed", "expired", "failed", "new"}) world.route(shop, host);
  world.issued({"renewed.example.com", {"renewed.example.com"}}, kNow + -80 * kDay);
  world.issued({"expired.example.com", {"expired.example.com"}}, kNow + -100 * kDay);
  world.failed("failed.example.com", 1, kNow + -kDay);
  EXPECT_THAT(world.asked(), ElementsAre("new.example.com", "expired.example.com",
                                         "failed.example.com", "renewed.example.com"));
}

TEST(CertificateOrders, ThatNothingWantsGoWithTheirExpiredCertificates) {
  World world;
  world.issued({"example.com", {"example.com"}}, kNow, 9 * kDay);
  world.failed("other.example.com", 1, kNow);
  auto plan = certificate_orders(world.rows, kNow, kHttp);
  EXPECT_THAT(plan.drop_orders, IsEmpty());
  EXPECT_EQ(plan.again, kNow + 1h);
  plan = certificate_orders(world.rows, kNow + 1h, kHttp);
  EXPECT_THAT(plan.drop_orders, ElementsAre(world.rows.orders[1].guid));
  EXPECT_EQ(plan.again, kNow + 9 * kDay);
  plan = certificate_orders(world.rows, kNow + 9 * kDay, kHttp);
  EXPECT_EQ(plan.drop_orders.size(), 2U);
  EXPECT_THAT(plan.drop_certificates, ElementsAre(world.rows.certificates[0].guid));
}

TEST(CertificateOrders, LeaveUploadedCertificatesAlone) {
  World world;
  world.certificate(CertificateOrigin::uploaded, {"example.com"}, kNow + -9 * kDay, kDay);
  EXPECT_THAT(certificate_orders(world.rows, kNow, kHttp).drop_certificates, IsEmpty());
}

TEST(CertificateOrders, EndAtTheLimitOfCertificates) {
  World world;
  const auto shop = world.domain("example.com");
  for (std::size_t i = 0; i < limits::kCertificates - 1; ++i)
    world.certificate(CertificateOrigin::uploaded, {std::to_string(i) + ".test"}, kNow, kDay);
  for (const char* host : {"a", "b", "c"}) world.route(shop, host);
  const auto plan = certificate_orders(world.rows, kNow, kHttp);
  EXPECT_THAT(plan.ask, ElementsAre(CertificateWish{"a.example.com", {"a.example.com"}}));
  EXPECT_EQ(plan.left_out, 2U);
}

World any_world() {
  World world;
  world.random = SeededRandom(*rc::gen::arbitrary<std::uint64_t>());
  const auto of = [](auto... values) { return *rc::gen::element(values...); };
  std::vector<DomainGuid> domains;
  for (const char* name : {"example.com", "apps.example.com", "apps.localhost", "intranet"})
    domains.push_back(world.domain(name, *rc::gen::inRange(0, 5) == 0));
  const int routes = *rc::gen::inRange(0, 8);
  for (int i = 0; i < routes; ++i)
    world.route(*rc::gen::elementOf(domains), of("", "a", "b", "*"),
                of(model::RouteProtocol::http, model::RouteProtocol::tcp));
  for (const char* name : {"a.example.com", "*.example.com", "example.com", "gone.example.com"}) {
    const WallTime from = kNow + *rc::gen::inRange(-150, 10) * kDay;
    const int kind = *rc::gen::inRange(0, 5);
    if (kind == 0) world.certificate(CertificateOrigin::uploaded, {name}, from, 90 * kDay);
    if (kind == 1) world.issued({name, {name}}, from);
    if (kind == 2) world.failed(name, *rc::gen::inRange(1, 9), from);
    if (kind == 3) world.certificate(CertificateOrigin::authority, {name}, from, 90 * kDay);
  }
  return world;
}

CertificateMeans any_means() {
  return {.dns = *rc::gen::arbitrary<bool>(), .local_authority = *rc::gen::arbitrary<bool>()};
}

void drop(CertificateRows& rows, const CertificatePlan& plan) {
  const auto is_in = [](const auto& guids) {
    return [&guids](const auto& row) { return std::ranges::find(guids, row.guid) != guids.end(); };
  };
  std::erase_if(rows.orders, is_in(plan.drop_orders));
  std::erase_if(rows.certificates, is_in(plan.drop_certificates));
}

RC_GTEST_PROP(CertificateOrdersProperty, WhatWasIssuedIsNotAskedForUntilItsTime, ()) {
  World world = any_world();
  const CertificateMeans means = any_means();
  WallTime now = kNow;
  for (int round = 0; round < 12; ++round) {
    const auto plan = certificate_orders(world.rows, now, means);
    drop(world.rows, plan);
    for (const auto& wish : plan.ask) world.issued(wish, now);
    const auto next = certificate_orders(world.rows, now, means);
    RC_ASSERT(next.ask.empty());
    RC_ASSERT(next.drop_orders.empty());
    RC_ASSERT(next.drop_certificates.empty());
    if (!next.again) break;
    RC_ASSERT(*next.again > now);
    // Nothing is due before the time that it named.
    const auto before = certificate_orders(world.rows, *next.again + -1ns, means);
    RC_ASSERT(before.ask.empty());
    RC_ASSERT(before.drop_orders.empty());
    RC_ASSERT(before.drop_certificates.empty());
    now = *next.again;
  }
}

RC_GTEST_PROP(CertificateOrdersProperty, NoNameIsAskedForTwiceWithinTheHourHoweverRoutesChange,
              ()) {
  World world = any_world();
  const CertificateMeans means = any_means();
  std::map<std::string, WallTime> asked;
  WallTime now = kNow;
  for (int round = 0; round < 40; ++round) {
    const auto plan = certificate_orders(world.rows, now, means);
    drop(world.rows, plan);
    for (const auto& wish : plan.ask) {
      const auto found = asked.find(wish.name);
      const bool rested = found == asked.end() || now - found->second >= limits::kAcmeFirstRetry;
      RC_ASSERT(rested);
      asked[wish.name] = now;
      const auto row =
          std::ranges::find(world.rows.orders, wish.name, &model::CertificateOrder::name);
      world.failed(wish.name, row == world.rows.orders.end() ? 1 : row->failures + 1, now)
          .certificate = row == world.rows.orders.end() ? CertificateGuid() : row->certificate;
    }
    if (*rc::gen::inRange(0, 3) == 0 && !world.rows.routes.empty())
      std::swap(world.rows.routes.front(), world.rows.routes.back()), world.rows.routes.pop_back();
    if (*rc::gen::inRange(0, 3) == 0) world.route(world.rows.domains.front().guid, "a");
    now = now + *rc::gen::inRange(1, 100) * 1min;
  }
}

}  // namespace
}  // namespace nuri::plan
