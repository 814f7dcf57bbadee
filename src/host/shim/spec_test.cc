#include "host/shim/spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace nuri::shim {
namespace {

using testing::HasSubstr;

ShimSpec full_spec() {
  ShimSpec spec;
  spec.guid = "1b4e28ba-2fa1-11d2-883f-0016d3cca427";
  spec.app_guid = "app-1";
  spec.index = 3;
  spec.kind = Kind::build;
  spec.log_source = "STG";
  spec.log_dir = "/var/lib/nuri/nuri/logs/app-1";
  spec.lowers = {"/layers/b", "/layers/a"};
  spec.disk_image = "/disks/one";
  spec.mounts = {{MountKind::plain_tree, Access::read_only, "/opt/a b", "/nuri/bin c"},
                 {MountKind::stored_disk, Access::read_write, "/disks/cache", "/cache"},
                 {MountKind::stored_tree, Access::read_only, "/s", "/t"}};
  spec.own_dirs = {"/workspace"};
  spec.resolv_conf = "nameserver 10.0.0.1\noptions x\\y\n";
  spec.hosts = "127.0.0.1 localhost\n";
  spec.hostname = "web-3";
  spec.ids = {1'000'000, 2'000'000, 65536};
  spec.groups = {5, 6};
  spec.argv = {"sh", "-c", "echo 'a\nb' \\n", ""};
  spec.env = {"A=", "B=x=y", "C=line\nline\xff"};
  spec.cwd = "/app";
  spec.rlimits = {{"nofile", 1024, 4096}};
  spec.port = 8080;
  spec.stop_signal = 2;
  spec.grace_ms = 0;
  spec.cgroups = {1, "", "/c/freezer/x", "/c/memory/x", "/c/cpuacct/x", "/c/pids/x"};
  spec.owners = {10, 11, {12, 13}, 14, 15, 16, 17};
  return spec;
}

std::string error_of(const std::string& text) {
  auto spec = parse(text);
  return spec ? "" : spec.error();
}

std::string without_line(const std::string& text, const std::string& start) {
  std::size_t at = text.find("\n" + start) + 1;
  return text.substr(0, at) + text.substr(text.find('\n', at) + 1);
}

TEST(Spec, ComesBackAsItWas) {
  ShimSpec spec = full_spec();
  auto back = parse(encode(spec));
  ASSERT_TRUE(back.has_value()) << back.error();
  EXPECT_EQ(*back, spec);
}

TEST(Spec, AVersion2CgroupNeedsOnlyTheUnifiedPath) {
  ShimSpec spec = full_spec();
  spec.cgroups = {2, "/sys/fs/cgroup/nuri/x", "", "", "", ""};
  auto back = parse(encode(spec));
  ASSERT_TRUE(back.has_value()) << back.error();
  EXPECT_EQ(back->cgroups, spec.cgroups);
}

TEST(Spec, EachRequiredKeyIsMissed) {
  std::string text = encode(full_spec());
  for (const char* key : {"guid ", "app_guid ", "log_source ", "log_dir ", "disk_image ", "ids ",
                          "shim_uid ", "shim_gid ", "cgroup_memory ", "cgroup_pids "}) {
    EXPECT_THAT(error_of(without_line(text, key)), HasSubstr("required key is missing")) << key;
  }
}

TEST(Spec, WhatIsWrongIsNamedByLineAndKey) {
  std::string text = encode(full_spec());
  EXPECT_EQ(error_of("nuri-shim-spec 2\n"),
            "shim.spec line 1: expected \"nuri-shim-spec 1\", found \"nuri-shim-spec 2\"");
  EXPECT_THAT(error_of(text.substr(0, text.size() - 4)), HasSubstr("cut short"));
  EXPECT_THAT(error_of(text + "x y\n"), HasSubstr("text after the end"));
  EXPECT_THAT(error_of("nuri-shim-spec 1\nfoo bar\nend\n"),
              HasSubstr("line 2: unknown key \"foo\""));
  EXPECT_THAT(error_of("nuri-shim-spec 1\nport 1\nport 2\nend\n"), HasSubstr("given twice"));
  EXPECT_THAT(error_of(std::string(kSpecBytes + 1, 'x')), HasSubstr("160 KiB"));
}

TEST(Spec, BadValuesAreRefused) {
  for (const char* line : {"guid a/b",
                           "guid ..",
                           "guid ",
                           "app_guid a b",
                           "lower relative",
                           "lower /a/../b",
                           "lower /a/./b",
                           "port 65536",
                           "port -1",
                           "port 1x",
                           "port",
                           "uid 0",
                           "gid 0",
                           "shim_uid 0",
                           "ids 1 2",
                           "ids 1 2 0",
                           "ids 0 1 1",
                           "ids 4294967295 1 2",
                           "ids 1 4294967295 2",
                           "kind x",
                           "stop_signal 0",
                           "stop_signal 65",
                           "mount plain_tree ro 3 /ab",
                           "mount plain_tree ro 9 /a /b",
                           "mount plain_tree rx 2 /a /b",
                           "mount odd ro 2 /a /b",
                           "mount plain_tree ro 2 /a b",
                           "mount plain_tree ro 4294967295 /a /b",
                           "rlimit nofile 2 1",
                           "rlimit nofile 2",
                           "env A",
                           "env =x",
                           "log_source a b",
                           "arg a\\x",
                           "arg a\\",
                           "cgroup_version 3",
                           "cwd x",
                           "group -1"}) {
    std::string text = std::string("nuri-shim-spec 1\n") + line + "\nend\n";
    EXPECT_THAT(error_of(text), testing::AnyOf(HasSubstr("bad value"), HasSubstr("broken escape")))
        << line;
  }
}

TEST(Spec, TooManyLayersAreRefused) {
  ShimSpec spec = full_spec();
  spec.lowers.assign(kLowers + 1, "/l");
  EXPECT_THAT(error_of(encode(spec)), HasSubstr("bad value for \"lower\""));
}

TEST(Spec, BrokenTextNeverCrashesTheParser) {
  std::mt19937 random(7);
  std::string good = encode(full_spec());
  for (int i = 0; i < 20'000; ++i) {
    std::string text = good;
    for (int flips = 1 + static_cast<int>(random() % 3); flips > 0; --flips) {
      text[random() % text.size()] = static_cast<char>(random());
    }
    if (random() % 4 == 0) text.resize(random() % text.size());
    if (auto spec = parse(text)) EXPECT_TRUE(parse(encode(*spec)).has_value());
  }
}

}  // namespace
}  // namespace nuri::shim
