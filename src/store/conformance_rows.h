#pragma once

// Conformance: rows go in, come out the same, and are listed as asked.

#include "store/conformance.h"

namespace nuri::store {

TEST_P(StoreConformance, GivesBackWhatWasWritten) {
  const auto in = home();
  auto written = app(in.guid, "shop");
  written.env = {{"A", "1"}, {"QUOTE", "a'b\"c"}, {"누리", "세상"}};
  written.metadata.labels["tier"] = "front";
  written.lifecycle.buildpacks = {"node", "procfile"};
  written.state = model::AppState::started;
  insert(written);
  EXPECT_EQ(find(written.guid), written);

  auto web = process(written.guid);
  web.command = "";
  web.health_check = {model::HealthCheckType::http, "/health", 5, std::nullopt, 90};
  auto worker = process(written.guid, "worker");
  worker.command = std::nullopt;
  insert(web);
  insert(worker);
  EXPECT_EQ(find(web.guid), web);
  EXPECT_EQ(find(worker.guid), worker);
}

TEST_P(StoreConformance, GivesBackWhatLedToAnInstance) {
  const auto in = home();
  const auto of = app(in.guid, "shop");
  auto package = stamped<model::Package>();
  package.app = of.guid;
  package.files = Digest::of("files");
  auto droplet = stamped<model::Droplet>();
  droplet.app = of.guid;
  droplet.package = package.guid;
  droplet.image = Digest::of("image");
  droplet.process_types = {{"web", "node server.js"}, {"worker", "node work.js"}};
  droplet.buildpacks = {{"node", "1.0", "found package.json"}};
  auto build = stamped<model::Build>();
  build.app = of.guid;
  build.package = package.guid;
  build.droplet = droplet.guid;
  build.step = model::BuildStep::exporting;
  auto revision = stamped<model::Revision>();
  revision.app = of.guid;
  revision.droplet = droplet.guid;
  revision.env = {{"A", "1"}};
  revision.processes.resize(2);
  revision.processes[1].type = "worker";
  revision.processes[1].command = "work";
  auto change = deployment(of.guid);
  change.revision = revision.guid;
  change.droplet = droplet.guid;
  change.strategy = model::Strategy::canary;
  change.options.canary_weights = {10, 50};
  const auto web = process(of.guid);
  auto instance = this->instance(web, change.guid, 0);
  instance.exit = {model::ExitReason::signaled, 0, 11, "last words"};
  instance.ports = {8080, 9090};
  instance.next_start_at = WallTime{INT64_MAX};
  store().write([&](Writer& tx) {
    tx.insert(of), tx.insert(package), tx.insert(droplet), tx.insert(build), tx.insert(revision);
    tx.insert(change), tx.insert(web), tx.insert(instance);
  });
  restart();
  expect_kept(of), expect_kept(package), expect_kept(droplet), expect_kept(build);
  expect_kept(revision), expect_kept(change), expect_kept(web), expect_kept(instance);
}

TEST_P(StoreConformance, GivesBackPeopleAndFiles) {
  const auto in = home();
  auto user = stamped<model::User>();
  user.username = "ann";
  auto quota = stamped<model::Quota>();
  quota.name = "small";
  quota.total_memory_mb = 0;
  auto file = stamped<model::SourceFile>();
  file.space = in.guid;
  file.sha1 = std::string(40, 'a');
  file.digest = Digest::of("file");
  auto role = stamped<model::Role>();
  role.type = model::RoleType::space_developer;
  role.user = user.guid;
  role.space = in.guid;
  auto token = stamped<model::RefreshToken>();
  token.user = user.guid;
  token.used_at = WallTime{7};
  auto job = stamped<model::Job>();
  job.user = user.guid;
  job.errors = {{10008, "CF-UnprocessableEntity", "no"}};
  job.warnings = {"mind"};
  auto event = stamped<model::Event>();
  event.type = "audit.app.create";
  store().write([&](Writer& tx) {
    tx.insert(user), tx.insert(quota), tx.insert(file), tx.insert(role), tx.insert(token);
    tx.insert(job), tx.insert(event);
  });
  restart();
  expect_kept(user), expect_kept(quota), expect_kept(file), expect_kept(role), expect_kept(token);
  expect_kept(job), expect_kept(event);
}

TEST_P(StoreConformance, GivesBackRoutes) {
  const auto in = home();
  const auto of = app(in.guid, "shop");
  auto domain = stamped<model::Domain>();
  domain.name = "localhost";
  domain.https_redirect = true;
  auto route = stamped<model::Route>();
  route.space = in.guid;
  route.domain = domain.guid;
  route.host = "shop";
  route.options = R"({"https_redirect":true})";
  auto destination = stamped<model::Destination>();
  destination.route = route.guid;
  destination.app = of.guid;
  destination.weight = 40;
  store().write([&](Writer& tx) {
    tx.insert(of), tx.insert(domain), tx.insert(route), tx.insert(destination);
  });
  restart();
  expect_kept(domain), expect_kept(route), expect_kept(destination);
}

TEST_P(StoreConformance, GivesBackCertificates) {
  auto certificate = stamped<model::Certificate>();
  certificate.origin = model::CertificateOrigin::authority;
  certificate.names = {"example.com", "*.example.com"};
  certificate.chain = "a chain", certificate.key = "a key";
  certificate.not_after = WallTime{1'900'000'000'000'000'000};
  auto order = stamped<model::CertificateOrder>();
  order.name = "example.com";
  order.certificate = certificate.guid;
  order.failures = 3;
  order.error = "nobody answers";
  order.last_failure = WallTime{1'800'000'000'000'000'000};
  auto account = stamped<model::AcmeAccount>();
  account.directory = "https://localhost:14000/dir";
  account.key = "another key";
  store().write([&](Writer& tx) { tx.insert(certificate), tx.insert(order), tx.insert(account); });
  restart();
  expect_kept(certificate), expect_kept(order), expect_kept(account);
  store().write([&](Writer& tx) { tx.erase(certificate.guid); });
  order.certificate = {};
  expect_kept(order);
}

TEST_P(StoreConformance, ListsInTheOrderOfInsertionUnlessAsked) {
  const auto in = home();
  for (const char* name : {"b", "c", "a"}) insert(app(in.guid, name));
  using Names = std::vector<std::string>;
  EXPECT_EQ(names({}), (Names{"b", "c", "a"}));
  EXPECT_EQ(names(Query<model::App>().order_by(&model::App::name)), (Names{"a", "b", "c"}));
  Query<model::App> by_text;
  EXPECT_TRUE(by_text.order_by_text("-created_at"));
  EXPECT_EQ(names(by_text), (Names{"a", "c", "b"}));
  EXPECT_FALSE(by_text.order_by_text("nonsense; drop table apps"));
}

TEST_P(StoreConformance, BreaksTiesByInsertionInTheDirectionOfTheOrder) {
  const auto in = home();
  for (const char* name : {"b", "c", "a"}) {
    auto made = app(in.guid, name);
    made.created_at = WallTime{5};
    insert(made);
  }
  using Names = std::vector<std::string>;
  const auto by = [](Order order) {
    return Query<model::App>().order_by(&model::App::created_at, order);
  };
  EXPECT_EQ(names(by(Order::ascending)), (Names{"b", "c", "a"}));
  EXPECT_EQ(names(by(Order::descending)), (Names{"a", "c", "b"}));
}

TEST_P(StoreConformance, ListsPagesWithTheTotalOfAll) {
  const auto in = home();
  for (int i = 0; i < 7; ++i) insert(app(in.guid, std::string(1, static_cast<char>('a' + i))));
  const auto page = [&](int number) {
    return store().read([&](Reader& reader) {
      return reader.list(Query<model::App>().order_by(&model::App::name).page(number, 3));
    });
  };
  EXPECT_EQ(page(1).total, 7);
  ASSERT_EQ(page(1).items.size(), 3u);
  EXPECT_EQ(page(2).items.front().name, "d");
  EXPECT_EQ(page(3).items.size(), 1u);
  EXPECT_EQ(page(4).items.size(), 0u);
  EXPECT_EQ(page(4).total, 7);
  EXPECT_THROW(page(0), Error);
  EXPECT_THROW(Query<model::App>().page(1, 5001), Error);
}

TEST_P(StoreConformance, FiltersByAnyNumberOfValues) {
  const auto in = home();
  std::vector<std::string> wanted;
  for (int i = 0; i < 20; ++i) {
    insert(app(in.guid, "app" + std::to_string(i)));
    if (i % 2 == 0) wanted.push_back("app" + std::to_string(i));
  }
  using App = model::App;
  EXPECT_EQ(names(Query<App>().any(&App::name, wanted)), wanted);
  EXPECT_EQ(all(Query<App>().none(&App::name, wanted)).size(), 10u);
  EXPECT_EQ(names(Query<App>().any(&App::name, {})).size(), 0u);
  EXPECT_EQ(all(Query<App>().none(&App::name, {})).size(), 20u);
  EXPECT_EQ(names(Query<App>().any(&App::name, {"app3", "x' OR '1'='1"})),
            std::vector<std::string>{"app3"});
  EXPECT_EQ(
      all(Query<App>().any(&App::name, wanted).where(&App::space, next<model::Space>())).size(),
      0u);
}

TEST_P(StoreConformance, ComparesAndKnowsAbsentValues) {
  const auto in = home();
  const auto of = app(in.guid, "shop");
  const auto web = process(of.guid);
  const auto change = deployment(of.guid);
  store().write([&](Writer& tx) {
    tx.insert(of), tx.insert(web), tx.insert(change);
    for (int i = 0; i < 4; ++i) {
      auto made = instance(web, change.guid, i);
      if (i > 0) made.next_start_at = WallTime{i * 10};
      tx.insert(made);
    }
  });
  using Instance = model::Instance;
  const auto count = [&](const Query<Instance>& query) {
    return store().read([&](Reader& reader) { return reader.count(query); });
  };
  const auto at = &Instance::next_start_at;
  EXPECT_EQ(count(Query<Instance>().less(at, WallTime{20})), 1);
  EXPECT_EQ(count(Query<Instance>().at_most(at, WallTime{20})), 2);
  EXPECT_EQ(count(Query<Instance>().greater(at, WallTime{20})), 1);
  EXPECT_EQ(count(Query<Instance>().at_least(at, WallTime{20})), 2);
  EXPECT_EQ(count(Query<Instance>().where(at, std::nullopt)), 1);
  EXPECT_EQ(count(Query<Instance>().where_set(at)), 3);
  EXPECT_EQ(count(Query<Instance>().none(at, {WallTime{10}})), 3);
}

}  // namespace nuri::store
