#include "build/lifecycle/toml_file.h"

#include <gmock/gmock.h>

namespace nuri::lifecycle {
namespace {

TEST(TomlFile, WhatIsWrittenReadsBackTheSame) {
  const json::object document{
      {"plain", "a \"quoted\" \\ text\nwith\ttabs \x7f"},
      {"number", -3},
      {"real", 2.0},
      {"list", {1, 2, 3}},
      {"odd key.", true},
      {"metadata",
       {{"key", "value"}, {"inner", {{"deep", {{"er", "x"}}}}}, {"none", json::object()}}},
      {"entries", {{{"name", "a"}}, {{"name", "b"}, {"metadata", {{"v", "1"}}}}}}};
  EXPECT_EQ(parse_toml(write_toml(document), "test"), document);
}

TEST(TomlFile, TablesBecomeSectionsThatAShellCanRead) {
  EXPECT_EQ(write_toml({{"metadata", {{"version", "1.2"}, {"key", "k"}}}}),
            "\n[metadata]\nversion = \"1.2\"\nkey = \"k\"\n");
}

TEST(TomlFile, AnErrorNamesTheFileAndTheLine) {
  try {
    parse_toml("a = 1\nb = = 2\n", "launch.toml");
    FAIL() << "it was accepted";
  } catch (const Error& e) {
    EXPECT_THAT(e.message(), testing::StartsWith("launch.toml, line 2: "));
  }
}

TEST(TomlFile, DatesBecomeTexts) {
  EXPECT_EQ(parse_toml("when = 2026-01-31", "t").at("when").as_string(), "2026-01-31");
}

TEST(TomlFile, TooMuchIsRefused) {
  EXPECT_THROW(parse_toml("# " + std::string(limits::kTomlBytes, 'x'), "t"), Error);
}

}  // namespace
}  // namespace nuri::lifecycle
