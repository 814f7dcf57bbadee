#include "engine/host_protocol.h"

#include <gmock/gmock.h>

#include <string>

#include "base/json.h"

namespace nuri::host {
namespace {

using testing::HasSubstr;
using testing::Property;
using testing::Throws;
using testing::ThrowsMessage;

constexpr const char* kGuid = "0b0b4a3e-33a1-4ccd-8f2d-6a1f0a2b3c4d";
constexpr const char* kApp = "1c0b4a3e-33a1-4ccd-8f2d-6a1f0a2b3c4d";

StartInstance sample() {
  StartInstance r;
  r.guid = kGuid;
  r.app = kApp;
  r.index = 3;
  r.layers = {Digest::of("base"), Digest::of("app")};
  r.argv = {"/bin/sh", "-c", "exec node server.js"};
  r.env = {{"PORT", "8080"}, {"A", "ü \"quoted\""}};
  r.cwd = "/workspace";
  r.limits.memory_bytes = 256u << 20;
  r.limits.disk_bytes = 1u << 30;
  r.log_source = "APP/PROC/WEB";
  r.port = 8080;
  r.mounts = {ExtraMount::lifecycle};
  r.hostname = "web-3";
  return r;
}

json::object sample_json() { return json::parse_object(encode(RequestMessage{7, sample()})); }

void expect_refused(const json::object& packet, const char* part_of_message) {
  EXPECT_THAT([&] { parse_request(json::serialize(packet)); },
              Throws<Error>(Property(&Error::message, HasSubstr(part_of_message))));
}

TEST(HostProtocol, StartInstanceSurvivesTheWire) {
  const RequestMessage back = parse_request(encode(RequestMessage{7, sample()}));
  EXPECT_EQ(back.id, 7u);
  const auto& r = std::get<StartInstance>(back.request);
  EXPECT_EQ(encode(RequestMessage{7, r}), encode(RequestMessage{7, sample()}));
  EXPECT_EQ(r.layers, sample().layers);
  EXPECT_EQ(r.env, sample().env);
  EXPECT_EQ(r.mounts, sample().mounts);
}

TEST(HostProtocol, EveryRequestSurvivesTheWire) {
  const std::vector<Request> all{Hello{},
                                 RemoveInstance{kGuid, true},
                                 ListInstances{kGuid},
                                 ListInstances{},
                                 AddLayer{Digest::of("x")},
                                 HasLayers{{Digest::of("x"), Digest::of("y")}},
                                 ListLayers{Digest::of("x")},
                                 ListLayers{},
                                 RemoveLayers{{Digest::of("x")}},
                                 RemoveCache{kApp},
                                 GetStats{kGuid},
                                 GetCapacity{}};
  for (const Request& r : all) {
    const std::string text = encode(RequestMessage{9, r});
    const RequestMessage back = parse_request(text);
    EXPECT_EQ(back.request.index(), r.index()) << text;
    EXPECT_EQ(encode(back), text);
  }
}

TEST(HostProtocol, EveryReplySurvivesTheWire) {
  const InstanceInfo one{kGuid, kApp, InstanceKind::build, 2, InstanceState::exited, "10.1.0.2",
                         77,    5};
  const std::vector<Reply> all{
      Failure{Code::no_space, "the disk is full"},
      Done{},
      Welcome{1, "nuri", "10.1.0.1", "10.1.0.0/16", "/run/nuri/nuri/i", "/var/lib/nuri/nuri/logs"},
      Started{kGuid, "/run/nuri/nuri/i/x", "10.1.0.2", 77, 5},
      InstancePage{{one}, true},
      Layers{{Digest::of("x")}},
      Layers{},
      LayerPage{{{Digest::of("x"), 10}}, true},
      InstanceStats{1, 2, 3, 4, 5, 6},
      Capacity{1, 2, 3, 4, 5, 6, 7, 8}};
  for (const Reply& r : all) {
    const std::string text = encode(HostMessage(ReplyMessage{9, r}));
    const HostMessage back = parse_host_message(text);
    EXPECT_EQ(std::get<ReplyMessage>(back).reply.index(), r.index()) << text;
    EXPECT_EQ(encode(back), text);
  }
  const HostMessage exited = parse_host_message(encode(HostMessage(Exited{kGuid})));
  EXPECT_EQ(std::get<Exited>(exited).guid, kGuid);
}

TEST(HostProtocol, AFieldThatNobodyKnowsIsRefused) {
  json::object packet = sample_json();
  packet["limits"].get_object()["memroy_bytes"] = 1;
  expect_refused(packet, "'memroy_bytes' is not known here");
}

TEST(HostProtocol, WhatCouldEscapeIsRefused) {
  const auto with = [](const char* key, json::value v) {
    json::object packet = sample_json();
    packet[key] = std::move(v);
    return packet;
  };
  expect_refused(with("guid", "../../etc"), "'guid' must be a guid");
  expect_refused(with("app", "x/y"), "'app' must be a guid");
  expect_refused(with("cwd", "/a/../../b"), "'cwd'");
  expect_refused(with("cwd", "relative"), "'cwd'");
  expect_refused(with("uid", 0), "'uid' must be from 1");
  expect_refused(with("gid", 70'000), "'gid'");
  expect_refused(with("hostname", "a b"), "'hostname'");
  expect_refused(with("argv", json::array{}), "'argv'");
  expect_refused(with("argv", json::array{std::string("a\0b", 3)}), "NUL");
  expect_refused(with("env", json::array{json::array{"A=B", "c"}}), "'env'");
  expect_refused(with("layers", json::array{"sha256:zz"}), "'layers'");
  expect_refused(with("layers", json::array{}), "'layers'");
  expect_refused(with("mounts", json::array{"/etc"}), "'mounts'");
  expect_refused(with("mounts", json::array{"cache"}), "'mounts' must be without 'cache'");
  expect_refused(with("kind", "root"), "'kind'");
  expect_refused(with("verb", "format_disk"), "not a request of this host");
}

TEST(HostProtocol, LimitsAreRequiredAndBounded) {
  const auto with = [](const char* key, json::value v) {
    json::object packet = sample_json();
    if (v.is_null())
      packet["limits"].get_object().erase(key);
    else
      packet["limits"].get_object()[key] = std::move(v);
    return packet;
  };
  expect_refused(with("memory_bytes", nullptr), "'memory_bytes' is missing");
  expect_refused(with("memory_bytes", 1), "'memory_bytes'");
  expect_refused(with("disk_bytes", -1), "'disk_bytes'");
  expect_refused(with("cpu_weight", 0), "'cpu_weight'");
  expect_refused(with("pids", 0), "'pids'");
}

TEST(HostProtocol, ARefusedPacketStillTellsItsId) {
  EXPECT_EQ(request_id_of(R"({"id":12,"verb":"nonsense"})"), 12u);
  EXPECT_EQ(request_id_of("not json"), 0u);
  EXPECT_EQ(request_id_of(R"({"id":-1})"), 0u);
}

TEST(HostProtocol, DescriptorsAreTheRequestsOwn) {
  EXPECT_EQ(descriptors_of(sample()), 0u);
  StartInstance build = sample();
  build.kind = InstanceKind::build;
  EXPECT_EQ(descriptors_of(build), 2u);
  EXPECT_EQ(descriptors_of(AddLayer{Digest::of("x")}), 1u);
}

}  // namespace
}  // namespace nuri::host
