#include "router/route_table.h"

#include <gtest/gtest.h>

#include <map>

#include "async/epoll_loop.h"
#include "base/random.h"

namespace nuri::router {
namespace {

class RouteTableTest : public testing::Test {
 protected:
  ~RouteTableTest() override { table_.clear(); }
  void put(const std::string& host, const std::string& path, std::vector<int> weights = {},
           std::shared_ptr<const model::RouteSettings> settings = nullptr) {
    model::RouteEntry entry{.host = host, .path = path, .app = host + path, .upstreams = {}};
    entry.settings = std::move(settings);
    for (const int weight : weights) {
      const int index = static_cast<int>(entry.upstreams.size());
      entry.upstreams.push_back({.id = host + path + std::to_string(index),
                                 .address = "127.0.0.1:1",
                                 .index = index,
                                 .weight = weight});
    }
    table_.apply({{std::move(entry)}, {}});
  }
  std::string find(std::string_view host, std::string_view path) const {
    const auto route = table_.find(host, path);
    return route ? route->app : "none";
  }
  Route& route(std::string_view host) { return *table_.find(host, "/"); }

  async::EpollLoop loop_;
  RouteTable table_{loop_};
  Time now_ = loop_.now();
};

TEST_F(RouteTableTest, TheLongestPathAtOrAboveWins) {
  put("a", "");
  put("a", "/api");
  put("a", "/api/v2");
  put("b", "/only");
  const std::map<std::string, std::string> expected{{"/", "a"},
                                                    {"/x", "a"},
                                                    {"/api", "a/api"},
                                                    {"/api/", "a/api"},
                                                    {"/api?x=/v2", "a/api"},
                                                    {"/apis", "a"},
                                                    {"/api/v2", "a/api/v2"},
                                                    {"/api/v2/x", "a/api/v2"},
                                                    {"/api/v20", "a/api"},
                                                    {"*", "a"},
                                                    {"/API", "a"}};
  for (const auto& [path, app] : expected) EXPECT_EQ(find("a", path), app) << path;
  EXPECT_EQ(find("b", "/"), "none");
  EXPECT_EQ(find("b", "/only"), "b/only");
  EXPECT_EQ(find("c", "/"), "none");
}

TEST_F(RouteTableTest, RoundRobinDoesNotLookAtWhatIsInFlight) {
  model::RouteSettings settings;
  settings.balance = model::Balance::round_robin;
  put("a", "", {1, 1}, std::make_shared<const model::RouteSettings>(settings));
  const auto busy = route("a").pick({}, now_);
  busy->begin();
  EXPECT_NE(route("a").pick({}, now_), busy);
  EXPECT_EQ(route("a").pick({}, now_), busy);
  busy->end();
}

TEST_F(RouteTableTest, AHashedValueLeavesAnOverloadedInstanceForTheSameOtherOne) {
  model::RouteSettings settings;
  settings.balance = model::Balance::hash;
  settings.hash_header = "X-Tenant";
  settings.hash_balance = 1.5;
  put("a", "", {1, 1, 1}, std::make_shared<const model::RouteSettings>(settings));
  const auto own = route("a").pick({}, now_, {}, "tenant");
  EXPECT_EQ(route("a").pick({}, now_, {}, "tenant"), own);
  own->begin();
  const auto other = route("a").pick({}, now_, {}, "tenant");
  EXPECT_NE(other, own) << "1 in flight is more than 1.5 times the mean of a third";
  EXPECT_EQ(route("a").pick({}, now_, {}, "tenant"), other);
  EXPECT_EQ(route("a").pick({own}, now_, {}, "tenant"), other) << "where a retry goes, too";
  own->end();
  EXPECT_EQ(route("a").pick({}, now_, {}, "tenant"), own);
}

TEST_F(RouteTableTest, WhatAnEntrysSettingsRememberGoesOnWhileTheyStayTheSame) {
  model::RouteSettings settings;
  settings.https_redirect = true;
  const auto make = [&] { return std::make_shared<const model::RouteSettings>(settings); };
  put("a", "", {1}, make());
  const auto edge = route("a").edge;
  put("a", "", {1, 1}, make());
  EXPECT_EQ(route("a").edge, edge);
  settings.https_redirect = false;
  put("a", "", {1, 1}, make());
  EXPECT_NE(route("a").edge, edge);
  put("a", "", {1, 1});
  EXPECT_FALSE(route("a").edge);
}

TEST_F(RouteTableTest, AHostIsFoundBeforeItsNearestWildcard) {
  put("*.example.com", "");
  put("*.b.example.com", "");
  put("a.example.com", "/here");
  EXPECT_EQ(find("x.example.com", "/"), "*.example.com");
  EXPECT_EQ(find("x.y.example.com", "/"), "*.example.com");
  EXPECT_EQ(find("x.b.example.com", "/"), "*.b.example.com");
  EXPECT_EQ(find("b.example.com", "/"), "*.example.com");
  EXPECT_EQ(find("a.example.com", "/here"), "a.example.com/here");
  EXPECT_EQ(find("a.example.com", "/"), "*.example.com");
  EXPECT_EQ(find("example.com", "/"), "none");
}

TEST_F(RouteTableTest, ChangesReplaceAndRemove) {
  put("a", "", {1});
  put("a", "/x");
  put("a", "", {1, 1});
  EXPECT_EQ(table_.size(), 2U);
  EXPECT_EQ(route("a").classes.at(0).upstreams.size(), 2U);
  table_.apply({{}, {{"a", ""}, {"a", "/none"}, {"none", ""}}});
  EXPECT_EQ(find("a", "/"), "none");
  EXPECT_EQ(find("a", "/x"), "a/x");
  table_.apply({{}, {{"a", "/x"}}});
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(RouteTableTest, InstancesThatStayAreTheSameObjects) {
  put("a", "", {1, 1});
  const auto before = route("a").classes.at(0).upstreams;
  put("a", "", {1, 5, 1});
  std::vector<std::shared_ptr<Upstream>> after;
  for (const auto& one : route("a").classes)
    after.insert(after.end(), one.upstreams.begin(), one.upstreams.end());
  for (const auto& upstream : before)
    EXPECT_NE(std::find(after.begin(), after.end(), upstream), after.end());
  EXPECT_EQ(table_.upstreams("a0").size(), 1U);
  table_.apply({{}, {{"a", ""}}});
  EXPECT_EQ(table_.upstreams("a0").size(), 1U);  // `before` still uses it
}

TEST_F(RouteTableTest, EqualsTakeTurnsAndTheLeastBusyIsNext) {
  put("a", "", {1, 1, 1});
  std::map<int, int> picked;
  for (int n = 0; n < 30; ++n) ++picked[route("a").pick({}, now_)->spec().index];
  EXPECT_EQ(picked, (std::map<int, int>{{0, 10}, {1, 10}, {2, 10}}));
  auto busy = route("a").pick({}, now_);
  busy->begin();
  for (int n = 0; n < 10; ++n) EXPECT_NE(route("a").pick({}, now_), busy);
  busy->end();
}

TEST_F(RouteTableTest, OutstandingRequestsNeverDifferByMoreThanOne) {
  put("a", "", {1, 1, 1, 1});
  SeededRandom random(7);
  std::vector<std::shared_ptr<Upstream>> in_flight;
  for (int n = 0; n < 1000; ++n) {
    in_flight.push_back(route("a").pick({}, now_));
    int least = INT_MAX;
    for (const auto& one : route("a").classes[0].upstreams)
      least = std::min(least, one->outstanding());
    EXPECT_EQ(in_flight.back()->outstanding(), least);
    in_flight.back()->begin();
    while (!in_flight.empty() && random.chance(45)) {
      const auto at =
          in_flight.begin() + static_cast<std::ptrdiff_t>(random.below(in_flight.size()));
      (*at)->end();
      in_flight.erase(at);
    }
  }
  for (const auto& one : in_flight) one->end();
}

TEST_F(RouteTableTest, WeightsAreSharesHoweverBusy) {
  put("a", "", {9, 1, 0});
  std::map<int, int> picked;
  std::vector<std::shared_ptr<Upstream>> in_flight;
  for (int n = 0; n < 1000; ++n) {
    auto one = route("a").pick({}, now_);
    ++picked[one->spec().index];
    if (n % 3 == 0) {
      one->begin();
      in_flight.push_back(one);
    }
  }
  EXPECT_EQ(picked, (std::map<int, int>{{0, 900}, {1, 100}}));
  for (const auto& one : in_flight) one->end();
}

TEST_F(RouteTableTest, TriedAndFailingInstancesArePassedOver) {
  put("a", "", {1, 1});
  const auto first = route("a").pick({}, now_);
  const auto second = route("a").pick({first}, now_);
  EXPECT_NE(first, second);
  EXPECT_EQ(route("a").pick({first, second}, now_), nullptr);
  for (int n = 0; n < 5; ++n) first->failed(now_);
  for (int n = 0; n < 4; ++n) EXPECT_EQ(route("a").pick({}, now_), second);
  // When all are left alone one of them is tried nevertheless.
  EXPECT_EQ(route("a").pick({second}, now_), first);
  // After the ban it is used again, and banned longer for its next failure.
  EXPECT_TRUE(first->usable(now_ + 1s));
  first->failed(now_ + 1s);
  EXPECT_FALSE(first->usable(now_ + 2s));
  EXPECT_TRUE(first->usable(now_ + 3s));
  first->succeeded();
  first->failed(now_ + 3s);
  EXPECT_TRUE(first->usable(now_ + 3s));
}

TEST(HostOf, IsLowerCaseWithoutPort) {
  for (const auto& [authority, host] :
       std::map<std::string, std::string>{{"Example.COM", "example.com"},
                                          {"a:80", "a"},
                                          {"a.:80", "a"},
                                          {"[::1]:80", "[::1]"},
                                          {"[2001:DB8::1]", "[2001:db8::1]"},
                                          {"", ""}})
    EXPECT_EQ(host_of(authority), host) << authority;
}

}  // namespace
}  // namespace nuri::router
