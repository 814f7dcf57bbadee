#include "build/lifecycle/build_plan.h"

#include <gmock/gmock.h>

#include "build/lifecycle/toml_file.h"

namespace nuri::lifecycle {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Candidate candidate(const std::string& id, std::string_view plan, bool optional = false) {
  return {id, optional, plan_options(parse_toml(plan, id))};
}

std::vector<std::string> chosen(const std::vector<Candidate>& candidates,
                                std::string* why = nullptr) {
  std::string reason;
  const auto resolution = resolve(candidates, reason);
  if (why) *why = reason;
  std::vector<std::string> ids;
  if (resolution)
    for (const auto index : resolution->chosen) ids.push_back(candidates[index].id);
  return ids;
}

constexpr std::string_view kProvidesNode = "[[provides]]\nname = \"node\"\n";
constexpr std::string_view kRequiresNode = "[[requires]]\nname = \"node\"\n";

TEST(BuildPlan, BuildpacksWithoutAPlanAllStay) {
  EXPECT_THAT(chosen({candidate("a", ""), candidate("b", "")}), ElementsAre("a", "b"));
}

TEST(BuildPlan, WhatIsRequiredMustBeProvidedByTheSameOrAnEarlierBuildpack) {
  EXPECT_THAT(chosen({candidate("a", kProvidesNode), candidate("b", kRequiresNode)}),
              ElementsAre("a", "b"));
  std::string why;
  EXPECT_TRUE(chosen({candidate("b", kRequiresNode), candidate("a", kProvidesNode)}, &why).empty());
  EXPECT_THAT(why, HasSubstr("b requires 'node'"));
  EXPECT_THAT(chosen({candidate("a", std::string(kProvidesNode) + std::string(kRequiresNode))}),
              ElementsAre("a"));
}

TEST(BuildPlan, WhatIsProvidedMustBeRequired) {
  std::string why;
  EXPECT_TRUE(chosen({candidate("a", kProvidesNode), candidate("b", "")}, &why).empty());
  EXPECT_THAT(why, HasSubstr("a provides 'node'"));
}

TEST(BuildPlan, AnOptionalBuildpackThatDoesNotFitIsLeftOut) {
  EXPECT_THAT(chosen({candidate("a", kProvidesNode, true), candidate("b", "")}), ElementsAre("b"));
  EXPECT_THAT(chosen({candidate("b", ""), candidate("c", kRequiresNode, true)}), ElementsAre("b"));
}

TEST(BuildPlan, LeavingOneOutCanLeaveOutAnotherThatNeededIt) {
  const std::string middle = "[[provides]]\nname = \"npm\"\n[[requires]]\nname = \"node\"\n";
  EXPECT_THAT(chosen({candidate("a", "", false), candidate("m", middle, true),
                      candidate("c", "[[requires]]\nname = \"npm\"\n", true)}),
              ElementsAre("a"));
}

TEST(BuildPlan, AGroupOfWhichNobodyStaysFails) {
  EXPECT_TRUE(chosen({candidate("a", kProvidesNode, true)}).empty());
  EXPECT_TRUE(chosen({}).empty());
}

TEST(BuildPlan, OrGivesAlternativesTriedLeftToRight) {
  const std::string either =
      "[[provides]]\nname = \"jre\"\n[[or]]\n[[or.provides]]\nname = \"node\"\n";
  EXPECT_THAT(chosen({candidate("a", either), candidate("b", kRequiresNode)}),
              ElementsAre("a", "b"));
  const std::string maybe = std::string(kRequiresNode) + "[[or]]\n";
  EXPECT_THAT(chosen({candidate("b", maybe)}), ElementsAre("b"));
}

TEST(BuildPlan, EntriesNameProvidersInOrderAndCarryMetadata) {
  std::string why;
  const auto resolution = resolve(
      {candidate("a", kProvidesNode), candidate("b", kProvidesNode),
       candidate("c", "[[requires]]\nname = \"node\"\n[requires.metadata]\nversion = \"20\"\n")},
      why);
  ASSERT_TRUE(resolution);
  ASSERT_EQ(resolution->entries.size(), 1U);
  EXPECT_THAT(resolution->entries[0].providers, ElementsAre("a", "b"));
  EXPECT_EQ(json::require_string(resolution->entries[0].requirements[0].metadata, "version"), "20");
}

TEST(BuildPlan, TooManyCombinationsAreAnErrorNotAHang) {
  std::string plan = "[[requires]]\nname = \"nothing\"\n";
  for (int i = 0; i < 9; ++i) plan += "[[or]]\n[[or.requires]]\nname = \"nothing\"\n";
  std::vector<Candidate> candidates;
  for (int i = 0; i < 6; ++i) candidates.push_back(candidate("b" + std::to_string(i), plan));
  std::string why;
  EXPECT_THROW(resolve(candidates, why), Error);
}

TEST(BuildPlan, EntriesMustBeTablesWithAName) {
  EXPECT_THROW(plan_options(parse_toml("[[provides]]\nnom = \"x\"\n", "p")), Error);
  EXPECT_THROW(plan_options(parse_toml("provides = [\"x\"]\n", "p")), Error);
}

}  // namespace
}  // namespace nuri::lifecycle
