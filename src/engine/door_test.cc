#include "engine/door.h"

#include <gtest/gtest.h>

#include <random>

#include "base/limits.h"

namespace nuri::door {
namespace {

TEST(Door, RequestsComeBackAsTheyWere) {
  for (Verb verb : {Verb::hello, Verb::sockets, Verb::listening, Verb::stats, Verb::freeze,
                    Verb::thaw, Verb::wake, Verb::stop}) {
    Request request;
    request.verb = verb;
    request.id = 4'000'000'000;
    if (verb == Verb::sockets) request.count = 32, request.port = 65535;
    if (verb == Verb::stop) request.signal = 3, request.grace_ms = 0;
    auto back = parse_request(encode(request));
    ASSERT_TRUE(back.has_value()) << back.error();
    EXPECT_EQ(*back, request);
  }
}

TEST(Door, RepliesComeBackAsTheyWere) {
  Exit exit{.guid = "g-1",
            .cause = Cause::out_of_memory,
            .signal = 9,
            .stop_requested = true,
            .oom_kills = 3,
            .disk_full = true,
            .ended_ns = -1,
            .text = "a line\nof 100% \xff text"};
  std::vector<Reply> replies = {
      {1, Done{}},
      {2, Welcome{.guid = "g-1", .port = 8080, .frozen = true, .started_ns = 5}},
      {3, Sockets{32, "[::1]:8080"}},
      {4, Listening{{22, 8080}}},
      {5, Listening{}},
      {6, Stats{.cpu_ns = 1, .memory_bytes = UINT64_MAX, .frozen = true}},
      {7, Refusal{Refused::not_listening, "nothing listens", {3000}}},
      {0, exit},
  };
  for (const Reply& reply : replies) {
    auto back = parse_reply(encode(reply));
    ASSERT_TRUE(back.has_value()) << back.error();
    EXPECT_EQ(*back, reply) << encode(reply);
    EXPECT_LE(encode(reply).size(), limits::kDoorPacketBytes);
  }
  auto file = parse_exit_file(encode_exit_file(exit));
  ASSERT_TRUE(file.has_value()) << file.error();
  EXPECT_EQ(*file, exit);
}

TEST(Door, HandshakesComeBackAsTheyWere) {
  using Step = Handshake::Step;
  for (const Handshake& message :
       {Handshake{Step::namespaces, 7, 0, ""}, Handshake{Step::go, 0, 0, ""},
        Handshake{Step::started, 7, 8, ""}, Handshake{Step::failed, 0, 0, "no such \"file\""}}) {
    auto back = parse_handshake(encode(message));
    ASSERT_TRUE(back.has_value()) << back.error();
    EXPECT_EQ(*back, message);
  }
}

TEST(Door, APacketIsOneLineOfPrintableText) {
  Reply reply{1, Refusal{Refused::failed, "a b\nc\0d", {}}};
  for (char c : encode(reply)) EXPECT_TRUE(c >= ' ' && c < 0x7f);
}

TEST(Door, TheLongestTextFitsAPacket) {
  Exit exit{.guid = std::string(255, 'g'), .text = std::string(100'000, '\n')};
  EXPECT_LE(encode(Reply{0, exit}).size(), limits::kDoorPacketBytes);
  EXPECT_LE(encode_exit_file(exit).size(), limits::kDoorPacketBytes);
}

TEST(Door, KeysOfANewerVersionAreIgnored) {
  auto request = parse_request("sockets id=1 count=2 colour=blue");
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->count, 2u);
}

TEST(Door, BadRequestsAreRefused) {
  for (const char* packet :
       {"", " ", "dance", "sockets count=0", "sockets count=33", "sockets count=-1",
        "sockets count=2 count=3", "sockets count", "sockets =1", "sockets count=%3",
        "stop signal=65", "stop signal=-1", "stop grace_ms=-2", "stop grace_ms=99999999999",
        "sockets port=65536", "sockets  count=1", "Hello", "hello oldest=1x"}) {
    EXPECT_FALSE(parse_request(packet).has_value()) << packet;
  }
  EXPECT_FALSE(parse_request("hello a=" + std::string(5000, 'x')).has_value());
}

TEST(Door, BadRepliesAndFilesAreRefused) {
  for (const char* packet : {"", "listening ports=1,", "listening ports=,1",
                             "listening ports=70000", "listening ports=1;2", "exit",
                             "exit cause=bored", "welcome pid=-1", "stats frozen=2", "nope"}) {
    EXPECT_FALSE(parse_reply(packet).has_value()) << packet;
  }
  for (const char* file :
       {"", "nuri_exit version=1 cause=exited", "nuri_exit version=2 cause=exited\n",
        "exit version=1 cause=exited\n", "nuri_exit version=1\n"}) {
    EXPECT_FALSE(parse_exit_file(file).has_value()) << file;
  }
}

TEST(Door, BrokenPacketsNeverCrashTheParsers) {
  std::mt19937 random(1);
  std::string good = encode(Reply{1, Exit{.guid = "g", .text = "a b c"}});
  for (int i = 0; i < 20'000; ++i) {
    std::string packet = good;
    for (int flips = 1 + static_cast<int>(random() % 4); flips > 0; --flips) {
      packet[random() % packet.size()] = static_cast<char>(random());
    }
    packet.resize(packet.size() - random() % 20);
    auto reply = parse_reply(packet);
    if (reply) EXPECT_TRUE(parse_reply(encode(*reply)).has_value());
    (void)parse_request(packet);
    (void)parse_handshake(packet);
    (void)parse_exit_file(packet);
  }
}

}  // namespace
}  // namespace nuri::door
