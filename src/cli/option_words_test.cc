#include "cli/option_words.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace nuri::cli {
namespace {

std::string changes(const std::vector<std::string>& set,
                    const std::vector<std::string>& unset = {}) {
  return json::serialize(option_changes(set, unset));
}

TEST(OptionWords, DotsLeadIntoObjects) {
  EXPECT_EQ(changes({"https_redirect=true", "deadlines.answer=30s", "deadlines.idle=5s"}),
            R"({"https_redirect":"true","deadlines":{"answer":"30s","idle":"5s"}})");
  EXPECT_EQ(changes({"basic_auth.users.a.b@c=x=y"}), R"({"basic_auth":{"users":{"a.b@c":"x=y"}}})");
}

TEST(OptionWords, UnsetIsNull) {
  EXPECT_EQ(changes({}, {"maintenance", "deadlines.idle"}),
            R"({"maintenance":null,"deadlines":{"idle":null}})");
}

TEST(OptionWords, WhatIsNoAssignmentIsShown) {
  EXPECT_THROW(changes({"allow"}), Error);
  EXPECT_THROW(changes({"=x"}), Error);
  EXPECT_THROW(changes({"error_pages.404=@/nowhere/page.html"}), Error);
}

}  // namespace
}  // namespace nuri::cli
