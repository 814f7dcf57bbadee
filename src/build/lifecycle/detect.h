#pragma once

// Phase 1 of the buildpack specification: which group of buildpacks builds this app.

#include <map>
#include <string>
#include <vector>

#include "build/lifecycle/build_plan.h"
#include "build/lifecycle/buildpack.h"
#include "build/lifecycle/child.h"
#include "build/lifecycle/places.h"

namespace nuri::lifecycle {

enum class Verdict { pass, fail, error };

// What one bin/detect said.
struct Detection {
  Verdict verdict = Verdict::fail;
  int status = 0;
  std::string reason;  // its output, trimmed
  std::vector<PlanOption> options;
};

struct Selection {
  std::vector<const Buildpack*> group;  // in build order; empty when no group passed
  std::vector<PlanEntry> plan;
  bool had_error = false;   // a bin/detect ended with neither 0 nor 100
  std::string explanation;  // when the group is empty: what each buildpack looked for
};

class Detector {
 public:
  // `environment` and `user` as in buildpack_env.h. All references must outlive the detector.
  Detector(const BuildpackStore& store, const Places& places, const Platform& platform,
           const Environment& environment, const Environment& user);

  // The first group that passes. `order` must be expanded.
  Selection select(const Order& order);

 private:
  const Detection& detect(const Buildpack& buildpack);
  Detection run_detect(const Buildpack& buildpack);
  bool try_group(const Group& group, Selection& selection, std::string& why);
  std::string explain(const std::vector<std::string>& plan_problems) const;

  const BuildpackStore& store_;
  const Places& places_;
  const Platform& platform_;
  const Environment& environment_;
  const Environment& user_;
  std::map<std::string, Detection>
      seen_;  // each bin/detect runs once, however many groups it is in
  std::vector<std::string> sequence_;
};

// The order to try: the store's own, or one group of exactly what the user named (an optional
// procfile buildpack behind it, when there is one). Error{not_found} naming an unknown buildpack.
Order order_for(const BuildpackStore& store, const std::vector<std::string>& requested);

}  // namespace nuri::lifecycle
