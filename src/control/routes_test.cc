#include "control/routes.h"

#include "control/test_control.h"
#include "model/certificate.h"

namespace nuri::control {
namespace {

class RoutesTest : public ControlTest {
 protected:
  // Asks for a table as new as the rows are now; how long that took.
  bool sync(Duration limit, Duration* took = nullptr) {
    const Time began = loop_.now();
    const bool done = loop_.run(server_->routes.sync(limit));
    if (took) *took = loop_.now() - began;
    return done;
  }
};

TEST_F(RoutesTest, TheRouterIsToldWhatTheRowsSay) {
  const auto app = serving_app("shop", 2);
  ASSERT_TRUE(sync(5s));
  const auto* entry = router_.entry("shop.localhost");
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->app, app.guid.str());
  ASSERT_EQ(entry->upstreams.size(), 2u);
  for (const auto& upstream : entry->upstreams) EXPECT_EQ(upstream.address, "fake:" + upstream.id);
}

TEST_F(RoutesTest, ANewRouteIsThereByItself) {
  const auto app = serving_app("shop");
  model::Route route;
  route.space = space_.guid;
  route.domain = domain_.guid;
  route.host = "store";
  route = insert(route);
  model::Destination to;
  to.route = route.guid;
  to.app = app.guid;
  to = insert(to);
  EXPECT_TRUE(until([&] {
    const auto* entry = router_.entry("store.localhost");
    return entry && entry->upstreams.size() == 1;
  }));
  write([guid = route.guid](store::Writer& tx) { tx.erase(guid); });
  EXPECT_TRUE(until([&] { return !router_.entry("store.localhost"); }));
  EXPECT_TRUE(router_.entry("shop.localhost"));
}

TEST_F(RoutesTest, ChangedOptionsAreToldByThemselves) {
  serving_app("shop");
  ASSERT_TRUE(sync(5s));
  write([](store::Writer& tx) {
    auto route = tx.all(store::Query<model::Route>()).front();
    route.options = R"({"https_redirect":true})";
    tx.update(route);
  });
  EXPECT_TRUE(until([&] {
    const auto* entry = router_.entry("shop.localhost");
    return entry && entry->settings && entry->settings->https_redirect;
  }));
}

TEST_F(RoutesTest, CertificatesAreToldByThemselves) {
  EXPECT_TRUE(router_.certificates.empty());
  model::Certificate row;
  row.names = {"shop.test"};
  row.chain = "chain";
  row.key = "key";
  row = insert(row);
  ASSERT_TRUE(until([&] { return router_.certificates.size() == 1; }, 5s));
  EXPECT_EQ(router_.certificates[0],
            (model::TableCertificate{row.guid.str(), {"shop.test"}, "chain", "key"}));
  write([guid = row.guid](store::Writer& tx) { tx.erase(guid); });
  EXPECT_TRUE(until([&] { return router_.certificates.empty(); }, 5s));
}

TEST_F(RoutesTest, ARouteWithoutInstancesIsKnownAndHasNobody) {
  make_app("idle");
  ASSERT_TRUE(sync(5s));
  const auto* entry = router_.entry("idle.localhost");
  ASSERT_TRUE(entry);
  EXPECT_TRUE(entry->upstreams.empty());
}

TEST_F(RoutesTest, SyncSaysWhenTheRouterCannotBeReached) {
  router_.reachable = false;
  Duration took{};
  EXPECT_FALSE(sync(3s, &took));
  EXPECT_EQ(took, 3s);
}

TEST_F(RoutesTest, ARouterThatWasAwayGetsTheTableWhenItIsBack) {
  router_.reachable = false;
  make_app("shop");
  pass(1min);
  EXPECT_FALSE(router_.entry("shop.localhost"));
  router_.reachable = true;
  EXPECT_TRUE(until([&] { return router_.entry("shop.localhost") != nullptr; }, 2s));
}

TEST_F(RoutesTest, ARestartedServerTellsTheTableWithoutAnyChange) {
  serving_app("shop");
  const auto before = router_.table;
  router_.table.clear();
  reboot();
  EXPECT_TRUE(until([&] { return router_.table == before; }, 5s));
}

TEST_F(RoutesTest, DrainingEndsWithTheLastRequestOrAtItsLimit) {
  const InstanceGuid instance = InstanceGuid::make(random_);
  Time began = loop_.now();
  router_.longest_request = 2s;
  loop_.run(server_->routes.drain(instance, 10s));
  EXPECT_EQ(loop_.now() - began, 2s);
  began = loop_.now();
  router_.longest_request = 1h;
  loop_.run(server_->routes.drain(instance, 10s));
  EXPECT_EQ(loop_.now() - began, 10s);
}

}  // namespace
}  // namespace nuri::control
