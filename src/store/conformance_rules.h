#pragma once

// Conformance: transactions, constraints, the change feed, and what survives a restart.

#include <algorithm>
#include <atomic>
#include <thread>

#include "store/conformance.h"

namespace nuri::store {

TEST_P(StoreConformance, RefusesASecondRowInCloudFoundrysWords) {
  const auto in = home();
  insert(app(in.guid, "shop"));
  const Error same_name = error_of([&](Writer& tx) { tx.insert(app(in.guid, "shop")); });
  EXPECT_EQ(same_name.code(), Code::unprocessable);
  EXPECT_EQ(same_name.message(), "App with the name 'shop' already exists.");
  EXPECT_EQ(error_of([&](Writer& tx) { tx.insert(org("home")); }).message(),
            "Organization 'home' already exists.");
  EXPECT_EQ(error_of([&](Writer& tx) { tx.insert(space(in.org, "home")); }).message(),
            "Name must be unique per organization");

  auto user = stamped<model::User>();
  user.username = "ann";
  auto role = stamped<model::Role>();
  role.type = model::RoleType::space_developer;
  role.user = user.guid;
  role.space = in.guid;
  insert(user);
  insert(role);
  role.guid = next<model::Role>();
  EXPECT_EQ(error_of([&](Writer& tx) { tx.insert(role); }).message(),
            "User 'ann' already has 'space_developer' role");

  auto domain = stamped<model::Domain>();
  domain.name = "localhost";
  auto route = stamped<model::Route>();
  route.space = in.guid;
  route.domain = domain.guid;
  route.host = "shop";
  insert(domain);
  insert(route);
  route.guid = next<model::Route>();
  EXPECT_EQ(error_of([&](Writer& tx) { tx.insert(route); }).message(),
            "Route already exists with host 'shop' for domain 'localhost'.");
}

TEST_P(StoreConformance, KeepsOneInstanceOfAnIndexOfADeployment) {
  const auto in = home();
  const auto of = app(in.guid, "shop");
  const auto web = process(of.guid);
  const auto change = deployment(of.guid);
  const auto first = instance(web, change.guid, 0);
  store().write(
      [&](Writer& tx) { tx.insert(of), tx.insert(web), tx.insert(change), tx.insert(first); });
  auto second = first;
  second.guid = next<model::Instance>();
  EXPECT_EQ(error_of([&](Writer& tx) { tx.insert(second); }).code(), Code::unprocessable);
  store().write([&](Writer& tx) {
    tx.erase(first.guid);
    tx.insert(second);
  });
  EXPECT_EQ(all<model::Instance>().size(), 1u);
}

TEST_P(StoreConformance, AllowsTheSameNameElsewhereAndAfterARename) {
  const auto in = home();
  const auto other = space(in.org, "other");
  insert(other);
  const auto shop = app(in.guid, "shop");
  insert(shop);
  insert(app(other.guid, "shop"));
  store().write([&](Writer& tx) { tx.change(shop.guid, [](model::App& a) { a.name = "store"; }); });
  insert(app(in.guid, "shop"));
  EXPECT_EQ(error_of([&](Writer& tx) {
              tx.change(shop.guid, [](model::App& a) { a.name = "shop"; });
            }).message(),
            "App with the name 'shop' already exists.");
  EXPECT_EQ(find(shop.guid)->name, "store");
}

TEST_P(StoreConformance, RollsBackWhenTheBodyThrows) {
  const auto in = home();
  const auto kept = app(in.guid, "kept");
  insert(kept);
  EXPECT_THROW(store().write([&](Writer& tx) {
    tx.insert(app(in.guid, "new"));
    tx.change(kept.guid, [](model::App& a) { a.name = "renamed"; });
    tx.erase(kept.guid);
    throw std::runtime_error("stop");
  }),
               std::runtime_error);
  EXPECT_EQ(names({}), std::vector<std::string>{"kept"});
  insert(app(in.guid, "new"));
}

TEST_P(StoreConformance, SaysWhatIsNotFound) {
  const auto missing = next<model::App>();
  EXPECT_EQ(find(missing), std::nullopt);
  for (const auto& error : {error_of([&](Writer& tx) { tx.get(missing); }),
                            error_of([&](Writer& tx) { tx.erase(missing); }),
                            error_of([&](Writer& tx) { tx.change(missing, [](auto&) {}); })}) {
    EXPECT_EQ(error.code(), Code::not_found);
    EXPECT_EQ(error.message(), "App not found");
  }
}

TEST_P(StoreConformance, RefusesAReferenceToWhatDoesNotExist) {
  const Error error = error_of([&](Writer& tx) { tx.insert(app(next<model::Space>(), "shop")); });
  EXPECT_EQ(error.code(), Code::unprocessable);
  EXPECT_NE(error.message().find("does not exist"), std::string::npos);
}

TEST_P(StoreConformance, ErasesWhatBelongsToAnApp) {
  const auto in = home();
  auto of = app(in.guid, "shop");
  const auto web = process(of.guid);
  auto droplet = stamped<model::Droplet>();
  droplet.app = of.guid;
  auto change = deployment(of.guid);
  change.droplet = droplet.guid;
  store().write([&](Writer& tx) {
    tx.insert(of), tx.insert(web), tx.insert(droplet), tx.insert(change);
    of.current_droplet = droplet.guid;
    of.current_deployment = change.guid;
    tx.update(of);
  });
  const Changes changes = store().write([&](Writer& tx) { tx.erase(of.guid); });
  for (const Change& change_of :
       {Change{Noun::app, of.guid.str()}, Change{Noun::process, web.guid.str()},
        Change{Noun::droplet, droplet.guid.str()}, Change{Noun::deployment, change.guid.str()}})
    EXPECT_EQ(std::ranges::count(changes, change_of), 1) << to_text(change_of.noun);
  EXPECT_TRUE(all<model::Process>().empty());
  EXPECT_TRUE(all<model::Droplet>().empty());
  EXPECT_TRUE(all<model::Deployment>().empty());
}

TEST_P(StoreConformance, ErasingADropletClearsWhatNamesIt) {
  const auto in = home();
  auto of = app(in.guid, "shop");
  auto droplet = stamped<model::Droplet>();
  droplet.app = of.guid;
  store().write([&](Writer& tx) {
    tx.insert(of), tx.insert(droplet);
    tx.change(of.guid, [&](model::App& a) { a.current_droplet = droplet.guid; });
  });
  const Changes changes = store().write([&](Writer& tx) { tx.erase(droplet.guid); });
  EXPECT_EQ(changes.size(), 2u);
  EXPECT_TRUE(find(of.guid)->current_droplet.empty());
}

TEST_P(StoreConformance, KeepsAnAppWhoseInstancesAreThere) {
  const auto in = home();
  const auto of = app(in.guid, "shop");
  const auto web = process(of.guid);
  const auto change = deployment(of.guid);
  const auto held = instance(web, change.guid, 0);
  store().write(
      [&](Writer& tx) { tx.insert(of), tx.insert(web), tx.insert(change), tx.insert(held); });
  EXPECT_EQ(error_of([&](Writer& tx) { tx.erase(of.guid); }).code(), Code::conflict);
  EXPECT_EQ(error_of([&](Writer& tx) { tx.erase(in.guid); }).code(), Code::conflict);
  EXPECT_EQ(find(web.guid), web);
}

TEST_P(StoreConformance, TellsEachTouchedRowOnce) {
  const auto in = home();
  const auto made = app(in.guid, "shop");
  const Changes changes = store().write([&](Writer& tx) {
    tx.insert(made);
    tx.change(made.guid, [](model::App& a) { a.state = model::AppState::started; });
    tx.change(in.guid, [](model::Space&) {});
  });
  EXPECT_EQ(changes, (Changes{{Noun::app, made.guid.str()}}));
  EXPECT_TRUE(store().write([](Writer&) {}).empty());
}

TEST_P(StoreConformance, ErasesAllThatMatch) {
  const auto in = home();
  for (const char* name : {"a", "b", "c"}) insert(app(in.guid, name));
  std::size_t erased = 0;
  store().write([&](Writer& tx) {
    erased = tx.erase_all(Query<model::App>().any(&model::App::name, {"a", "c", "z"}));
  });
  EXPECT_EQ(erased, 2u);
  EXPECT_EQ(names({}), std::vector<std::string>{"b"});
}

TEST_P(StoreConformance, KeepsEverythingOverARestart) {
  const auto in = home();
  for (const char* name : {"b", "a"}) insert(app(in.guid, name));
  restart();
  insert(app(in.guid, "c"));
  EXPECT_EQ(names({}), (std::vector<std::string>{"b", "a", "c"}));
}

TEST_P(StoreConformance, WritesOfManyThreadsDoNotMix) {
  const auto in = home();
  const auto counted = app(in.guid, "counted");
  insert(counted);
  constexpr int kThreads = 4, kEach = 25;
  std::atomic<bool> torn = false;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < kEach; ++i) {
          store().write([&](Writer& tx) {
            tx.change(counted.guid, [](model::App& a) {
              a.env["A"] = std::to_string(a.env.contains("A") ? std::stoi(a.env["A"]) + 1 : 1);
              a.env["B"] = a.env["A"];
            });
          });
          store().read([&](Reader& reader) {
            const auto seen = reader.get(counted.guid);
            if (seen.env.at("A") != seen.env.at("B")) torn = true;
          });
        }
      });
  }
  EXPECT_FALSE(torn);
  EXPECT_EQ(find(counted.guid)->env.at("A"), std::to_string(kThreads * kEach));
}

}  // namespace nuri::store
