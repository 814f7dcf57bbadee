#include "build/lifecycle/build_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "build/lifecycle/toml_file.h"

namespace nuri::lifecycle {
namespace {

PlanOption option_of(const json::object& table) {
  PlanOption option;
  if (const auto* provides = json::find_array(table, "provides"))
    for (const auto& entry : *provides)
      option.provides.push_back(
          json::require_string(require_table(entry, "an entry of provides"), "name"));
  if (const auto* requirements = json::find_array(table, "requires"))
    for (const auto& entry : *requirements) {
      const auto& item = require_table(entry, "an entry of requires");
      const auto* metadata = json::find_object(item, "metadata");
      option.requirements.push_back(
          {json::require_string(item, "name"), metadata ? *metadata : json::object()});
    }
  return option;
}

bool provides(const PlanOption& option, const std::string& name) {
  return std::find(option.provides.begin(), option.provides.end(), name) != option.provides.end();
}

bool requires_it(const PlanOption& option, const std::string& name) {
  return std::any_of(option.requirements.begin(), option.requirements.end(),
                     [&](const Requirement& need) { return need.name == name; });
}

struct Member {
  std::size_t index;
  bool optional;
  const std::string* id;
  const PlanOption* option;
};

// Why `members[at]` cannot stay among `members`; empty when it can.
std::string fault(const std::vector<Member>& members, std::size_t at) {
  const Member& self = members[at];
  for (const auto& need : self.option->requirements) {
    const bool met = std::any_of(members.begin(), members.begin() + static_cast<long>(at) + 1,
                                 [&](const Member& m) { return provides(*m.option, need.name); });
    if (!met)
      return fmt::format("{} requires '{}', which nothing before it provides", *self.id, need.name);
  }
  for (const auto& name : self.option->provides) {
    const bool used = std::any_of(members.begin() + static_cast<long>(at), members.end(),
                                  [&](const Member& m) { return requires_it(*m.option, name); });
    if (!used)
      return fmt::format("{} provides '{}', which nothing after it requires", *self.id, name);
  }
  return {};
}

std::vector<PlanEntry> entries_of(const std::vector<Member>& members) {
  std::vector<PlanEntry> entries;
  const auto entry = [&](const std::string& name) -> PlanEntry& {
    const auto it = std::find_if(entries.begin(), entries.end(),
                                 [&](const PlanEntry& e) { return e.name == name; });
    if (it != entries.end()) return *it;
    return entries.emplace_back(PlanEntry{name, {}, {}});
  };
  for (const Member& member : members) {
    for (const auto& name : member.option->provides) {
      auto& providers = entry(name).providers;
      if (std::find(providers.begin(), providers.end(), *member.id) == providers.end())
        providers.push_back(*member.id);
    }
    for (const auto& need : member.option->requirements)
      entry(need.name).requirements.push_back(need);
  }
  return entries;
}

std::optional<Resolution> attempt(std::vector<Member> members, std::string& why) {
  for (std::size_t at = 0; at < members.size();) {
    const std::string problem = fault(members, at);
    if (problem.empty()) {
      ++at;
      continue;
    }
    if (why.empty()) why = problem;
    if (!members[at].optional) return std::nullopt;
    members.erase(members.begin() + static_cast<long>(at));
    at = 0;
  }
  if (members.empty()) return std::nullopt;
  Resolution resolution;
  for (const Member& member : members) resolution.chosen.push_back(member.index);
  resolution.entries = entries_of(members);
  return resolution;
}

}  // namespace

std::vector<PlanOption> plan_options(const json::object& plan) {
  std::vector<PlanOption> options{option_of(plan)};
  if (const auto* alternatives = json::find_array(plan, "or"))
    for (const auto& alternative : *alternatives)
      options.push_back(option_of(require_table(alternative, "an entry of or")));
  return options;
}

std::optional<Resolution> resolve(const std::vector<Candidate>& candidates, std::string& why) {
  why.clear();
  if (candidates.empty()) return std::nullopt;
  std::vector<std::size_t> choice(candidates.size(), 0);
  for (std::size_t trial = 0; trial < limits::kPlanTrials; ++trial) {
    std::vector<Member> members;
    for (std::size_t i = 0; i < candidates.size(); ++i)
      members.push_back(
          {i, candidates[i].optional, &candidates[i].id, &candidates[i].options[choice[i]]});
    if (auto resolution = attempt(std::move(members), why)) return resolution;
    std::size_t at = candidates.size();
    while (at > 0 && ++choice[at - 1] == candidates[at - 1].options.size()) choice[--at] = 0;
    if (at == 0) return std::nullopt;
  }
  throw Error(Code::too_large, fmt::format("the buildpacks' plans have more than {} combinations",
                                           limits::kPlanTrials));
}

}  // namespace nuri::lifecycle
