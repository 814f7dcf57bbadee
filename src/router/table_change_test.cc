#include "router/table_change.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/json.h"

namespace nuri::router {
namespace {

model::RouteEntry entry(std::string host, std::size_t upstreams) {
  model::RouteEntry out{.host = std::move(host), .path = "/p", .app = "app", .upstreams = {}};
  for (std::size_t n = 0; n < upstreams; ++n)
    out.upstreams.push_back({.id = "instance-" + std::to_string(n),
                             .address = "door:/run/nuri/R/i/x/door.sock",
                             .port = 8080,
                             .index = static_cast<int>(n),
                             .weight = 3,
                             .protocol = model::DestinationProtocol::http2});
  return out;
}

template <class T>
T back(const FeedMessage& message) {
  return std::get<T>(parse_feed_message(encode(message)));
}

TEST(TableChange, MessagesComeBackAsTheyWere) {
  const TableChange change{{entry("a.test", 2), entry("b.test", 0)}, {{"c.test", "/x"}}};
  const auto same = back<TableChange>(change);
  EXPECT_EQ(same.put, change.put);
  EXPECT_EQ(same.remove, change.remove);
  EXPECT_EQ(back<Commit>(Commit{7}).number, 7U);
  EXPECT_EQ(back<Drain>(Drain{"x"}).upstream, "x");
  back<Begin>(Begin{});
  back<FetchListeners>(FetchListeners{});
  EXPECT_TRUE(back<TableChange>(TableChange{}).empty());
}

TEST(TableChange, CertificatesAndChallengesComeBackAsTheyWere) {
  TableChange change;
  change.put_certificates = {{"1", {"a.test", "*.a.test", ""}, "-----BEGIN\nchain", "key\n"}};
  change.remove_certificates = {"2", "3"};
  change.put_challenges = {{"token", "token.key"}};
  change.remove_challenges = {"over"};
  EXPECT_FALSE(change.empty());
  const auto same = back<TableChange>(change);
  EXPECT_EQ(same.put_certificates, change.put_certificates);
  EXPECT_EQ(same.remove_certificates, change.remove_certificates);
  EXPECT_EQ(same.put_challenges, change.put_challenges);
  EXPECT_EQ(same.remove_challenges, change.remove_challenges);
}

TEST(TableChange, SettingsTravelWithTheirEntry) {
  model::RouteSettings settings;
  settings.https_redirect = true;
  settings.deadlines.answer = 1500ms;
  TableChange change{{entry("a.test", 1), entry("b.test", 1)}, {}};
  change.put[0].settings = std::make_shared<const model::RouteSettings>(settings);
  const auto same = back<TableChange>(change);
  EXPECT_EQ(same.put, change.put);
  ASSERT_TRUE(same.put[0].settings);
  EXPECT_EQ(same.put[0].settings->deadlines.answer, Duration(1500ms));
  EXPECT_FALSE(same.put[1].settings);
  EXPECT_NE(change.put[0], same.put[1]);
}

TEST(TableChange, SettingsOfANewerServerAreReadWithoutWhatIsUnknown) {
  const auto change = std::get<TableChange>(parse_feed_message(
      R"({"put": [{"host": "a", "settings": {"https_redirect": true, "later": 1}}]})"));
  EXPECT_TRUE(change.put.at(0).settings->https_redirect);
}

TEST(TableChange, RepliesComeBackAsTheyWere) {
  EXPECT_EQ(std::get<Committed>(parse_feed_reply(encode(FeedReply(Committed{9})))).number, 9U);
  EXPECT_EQ(std::get<Drained>(parse_feed_reply(encode(FeedReply(Drained{"x"})))).upstream, "x");
  const ListenerNames names{{"apps", "dns-udp"}};
  EXPECT_EQ(std::get<ListenerNames>(parse_feed_reply(encode(FeedReply(names)))).names, names.names);
}

TEST(TableChange, WhatCannotBeIsRefusedByName) {
  for (const char* text :
       {"", "[]", "{\"put\":1}", "{\"put\":[1]}", "{\"put\":[{}]}", "{\"remove\":[{}]}",
        "{\"put_certificates\":[{\"id\":\"1\"}]}",
        "{\"put_certificates\":[{\"id\":\"1\",\"chain\":\"\",\"key\":\"\",\"hosts\":[1]}]}",
        "{\"remove_certificates\":[1]}", "{\"put_challenges\":[\"x\"]}",
        "{\"remove_challenges\":{}}", "{\"commit\":\"x\"}", "{\"drain\":1}",
        "{\"put\":[{\"host\":\"a\",\"upstreams\":[{\"id\":\"i\"}]}]}",
        "{\"put\":[{\"host\":\"a\",\"upstreams\":[{\"id\":\"i\",\"address\":"
        "\"x\",\"port\":65536}]}]}",
        "{\"put\":[{\"host\":\"a\",\"upstreams\":[{\"id\":\"i\",\"address\":"
        "\"x\",\"weight\":-1}]}]}",
        "{\"put\":[{\"host\":\"a\",\"upstreams\":[{\"id\":\"i\",\"address\":"
        "\"x\",\"index\":4294967296}]}]}"})
    EXPECT_THROW(parse_feed_message(text), Error) << text;
  EXPECT_THROW(parse_feed_reply("{}"), Error);
}

TEST(TableChange, SplitsIntoPiecesUnderTheLimitInOrder) {
  TableChange change;
  for (int n = 0; n < 300; ++n) change.put.push_back(entry("h" + std::to_string(n), 3));
  for (int n = 0; n < 300; ++n) change.remove.push_back({"r" + std::to_string(n), "/x"});
  for (int n = 0; n < 100; ++n) {
    const auto name = std::to_string(n);
    change.put_certificates.push_back({name, {name + ".test"}, std::string(900, 'c'), "key\n"});
    change.remove_certificates.push_back("old" + name);
    change.put_challenges.push_back({name, name + ".key"});
    change.remove_challenges.push_back("over" + name);
  }
  constexpr std::size_t kLimit = 4096;
  TableChange together;
  const auto pieces = split(change, kLimit);
  EXPECT_GT(pieces.size(), 10U);
  for (const auto& piece : pieces) {
    EXPECT_LE(encode(FeedMessage(piece)).size(), kLimit);
    const auto add = [](auto& to, const auto& more) {
      to.insert(to.end(), more.begin(), more.end());
    };
    add(together.put, piece.put);
    add(together.remove, piece.remove);
    add(together.put_certificates, piece.put_certificates);
    add(together.remove_certificates, piece.remove_certificates);
    add(together.put_challenges, piece.put_challenges);
    add(together.remove_challenges, piece.remove_challenges);
  }
  EXPECT_EQ(together.put_certificates, change.put_certificates);
  EXPECT_EQ(together.remove_certificates, change.remove_certificates);
  EXPECT_EQ(together.put_challenges, change.put_challenges);
  EXPECT_EQ(together.remove_challenges, change.remove_challenges);
  EXPECT_EQ(together.put, change.put);
  EXPECT_EQ(together.remove, change.remove);
  EXPECT_TRUE(split({}, kLimit).empty());
  EXPECT_EQ(split({{entry("large", 500)}, {}}, kLimit).size(), 1U);
}

}  // namespace
}  // namespace nuri::router
