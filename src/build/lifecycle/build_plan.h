#pragma once

// The Build Plan (Buildpack API 0.10, "Phase #1: Detection"): which buildpacks of a group stay,
// given what each provides and requires. Pure.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace nuri::lifecycle {

struct Requirement {
  std::string name;
  json::object metadata;
};

// One pairing of provides and requires; the top level of a plan or one element of its `or`.
struct PlanOption {
  std::vector<std::string> provides;
  std::vector<Requirement> requirements;
};

// What a bin/detect wrote; always at least one option (an empty one for an empty file).
// Throws Error{unprocessable} for entries without a name.
std::vector<PlanOption> plan_options(const json::object& plan);

// A buildpack whose bin/detect passed, in group order.
struct Candidate {
  std::string id;
  bool optional = false;
  std::vector<PlanOption> options;
};

// A dependency and who may satisfy it, in build order.
struct PlanEntry {
  std::string name;
  std::vector<std::string> providers;
  std::vector<Requirement> requirements;
};

struct Resolution {
  std::vector<std::size_t> chosen;  // indices into the candidates, in order; never empty
  std::vector<PlanEntry> entries;
};

// Tries one option of each candidate, leftmost first, until everything required is provided by the
// same or an earlier buildpack and everything provided is required by the same or a later one;
// optional candidates that fail this are left out. Nullopt when no trial works: `why` then says
// what was missing in the first. Error{too_large} over limits::kPlanTrials trials.
std::optional<Resolution> resolve(const std::vector<Candidate>& candidates, std::string& why);

}  // namespace nuri::lifecycle
