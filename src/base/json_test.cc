#include "base/json.h"

#include <gtest/gtest.h>

#include <functional>

namespace nuri::json {
namespace {

Error thrown_by(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& e) {
    return e;
  }
  ADD_FAILURE() << "nothing was thrown";
  return Error(Code::internal, "nothing");
}

TEST(JsonTest, ParsesWithLimitsOnSizeAndDepth) {
  EXPECT_EQ(parse("[1, 2]").as_array().size(), 2U);
  EXPECT_EQ(thrown_by([] { parse("[1, 2]", 5); }).code(), Code::too_large);
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_NO_THROW(parse(nested(limits::kJsonDepth)));
  EXPECT_EQ(thrown_by([&] { parse(nested(limits::kJsonDepth + 1)); }).code(), Code::bad_request);
  EXPECT_EQ(thrown_by([&] { parse(nested(1'000'000)); }).code(), Code::bad_request);
}

TEST(JsonTest, WhatIsNoJsonIsRefusedWithItsPlace) {
  for (const std::string_view bad : {"", " ", "{", "{]", "[1,]", "{\"a\":1,}", "nul", "\"\xff\"",
                                     "1 2", "{} x", "// no\n1", "'a'", "NaN"}) {
    const Error error = thrown_by([&] { parse(bad); });
    EXPECT_EQ(error.code(), Code::bad_request) << bad;
    EXPECT_NE(error.message().find("at byte"), std::string::npos) << bad;
  }
  EXPECT_EQ(thrown_by([] { parse_object("[]"); }).code(), Code::bad_request);
}

TEST(JsonTest, ReadsFieldsAndNamesTheOneThatIsWrong) {
  const object o = parse_object(
      R"({"s":"text","i":-7,"u":18446744073709551615,"b":true,"o":{},"a":[1],"n":null,"d":1.5})");
  EXPECT_EQ(require_string(o, "s"), "text");
  EXPECT_EQ(require_int(o, "i"), -7);
  EXPECT_TRUE(get_bool(o, "b"));
  EXPECT_EQ(require_object(o, "o").size(), 0U);
  EXPECT_EQ(require_array(o, "a").size(), 1U);
  EXPECT_EQ(get_string(o, "n", "default"), "default");
  EXPECT_EQ(get_int(o, "missing", 5), 5);
  EXPECT_EQ(find_object(o, "n"), nullptr);
  EXPECT_EQ(find_array(o, "missing"), nullptr);
  const std::pair<std::string_view, std::function<void()>> wrong[] = {
      {"'n'", [&] { require_string(o, "n"); }}, {"'missing'", [&] { require_int(o, "missing"); }},
      {"'i'", [&] { get_string(o, "i"); }},     {"'s'", [&] { get_int(o, "s"); }},
      {"'u'", [&] { require_int(o, "u"); }},    {"'d'", [&] { require_int(o, "d"); }},
      {"'s'", [&] { get_bool(o, "s"); }},       {"'a'", [&] { find_object(o, "a"); }},
      {"'o'", [&] { require_array(o, "o"); }}};
  for (const auto& [name, call] : wrong) {
    const Error error = thrown_by(call);
    EXPECT_EQ(error.code(), Code::unprocessable);
    EXPECT_NE(error.message().find(name), std::string::npos) << error.message();
  }
}

}  // namespace
}  // namespace nuri::json
