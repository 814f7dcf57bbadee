#include "build/lifecycle/detect.h"

#include <fmt/format.h>

#include <algorithm>

#include "build/lifecycle/buildpack_env.h"
#include "build/lifecycle/toml_file.h"
#include "build/lifecycle/tree.h"

namespace nuri::lifecycle {
namespace {

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

std::string indented(std::string_view text, std::size_t width) {
  std::string out;
  for (const char c : text) {
    out += c;
    if (c == '\n') out.append(width, ' ');
  }
  return out;
}

}  // namespace

Order order_for(const BuildpackStore& store, const std::vector<std::string>& requested) {
  if (requested.empty()) return store.expand(store.order());
  Group group;
  for (const auto& name : requested) group.push_back({name, "", false});
  const Buildpack* procfile = store.find("procfile");
  const bool named =
      procfile && std::any_of(requested.begin(), requested.end(),
                              [&](const auto& name) { return store.find(name) == procfile; });
  if (procfile && !named) group.push_back({procfile->id, "", true});
  return store.expand({group});
}

Detector::Detector(const BuildpackStore& store, const Places& places, const Platform& platform,
                   const Environment& environment, const Environment& user)
    : store_(store), places_(places), platform_(platform), environment_(environment), user_(user) {}

Detection Detector::run_detect(const Buildpack& buildpack) {
  if (!supports(buildpack, platform_))
    return {Verdict::fail, 100, fmt::format("is not for {}/{}", platform_.os, platform_.arch), {}};
  const fs::path plan = places_.scratch / ("plan-" + directory_name(buildpack.id) + ".toml");
  write_file(plan, "");
  Environment environment = environment_for(buildpack, environment_, user_);
  environment["CNB_BUILD_PLAN_PATH"] = plan.string();
  const Captured captured = run_captured(
      {{(buildpack.directory / "bin/detect").string(), places_.platform.string(), plan.string()},
       std::move(environment),
       places_.workspace});
  Detection detection;
  detection.status = captured.status;
  detection.reason = trimmed(captured.output);
  detection.verdict = captured.status == 0     ? Verdict::pass
                      : captured.status == 100 ? Verdict::fail
                                               : Verdict::error;
  if (detection.verdict != Verdict::pass) return detection;
  try {
    detection.options = plan_options(read_toml(plan).value_or(json::object()));
  } catch (const Error& e) {
    detection.verdict = Verdict::error;
    detection.reason = fmt::format("its build plan is wrong: {}", e.message());
  }
  return detection;
}

const Detection& Detector::detect(const Buildpack& buildpack) {
  const auto it = seen_.find(buildpack.id);
  if (it != seen_.end()) return it->second;
  sequence_.push_back(buildpack.id);
  return seen_.emplace(buildpack.id, run_detect(buildpack)).first->second;
}

bool Detector::try_group(const Group& group, Selection& selection, std::string& why) {
  std::vector<Candidate> candidates;
  std::vector<const Buildpack*> buildpacks;
  for (const GroupEntry& entry : group) {
    const Buildpack& buildpack = *store_.find(entry.id);
    const Detection& detection = detect(buildpack);
    if (detection.verdict == Verdict::error) selection.had_error = true;
    if (detection.verdict == Verdict::pass) {
      candidates.push_back({buildpack.id, entry.optional, detection.options});
      buildpacks.push_back(&buildpack);
    } else if (!entry.optional) {
      return false;
    }
  }
  const auto resolution = resolve(candidates, why);
  if (!resolution) return false;
  for (const std::size_t index : resolution->chosen) selection.group.push_back(buildpacks[index]);
  selection.plan = resolution->entries;
  return true;
}

std::string Detector::explain(const std::vector<std::string>& plan_problems) const {
  std::size_t width = 0;
  for (const auto& id : sequence_) width = std::max(width, id.size());
  std::string text =
      "NoAppDetectedError: none of the buildpacks can build this app. They looked for:\n";
  for (const auto& id : sequence_) {
    const Detection& detection = seen_.at(id);
    std::string reason = detection.reason.empty() ? "(it gave no reason)" : detection.reason;
    if (detection.verdict == Verdict::error)
      reason = fmt::format("bin/detect failed with status {}: {}", detection.status, reason);
    text += fmt::format("  {:<{}}  {}\n", id, width, indented(reason, width + 4));
  }
  for (const auto& problem : plan_problems) text += fmt::format("  {}\n", problem);
  return text;
}

Selection Detector::select(const Order& order) {
  Selection selection;
  std::vector<std::string> problems;
  for (const Group& group : order) {
    std::string why;
    if (try_group(group, selection, why)) return selection;
    if (!why.empty() && std::find(problems.begin(), problems.end(), why) == problems.end())
      problems.push_back(why);
  }
  selection.explanation = explain(problems);
  return selection;
}

}  // namespace nuri::lifecycle
