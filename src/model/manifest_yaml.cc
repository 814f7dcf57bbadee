#include "model/manifest_yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <sstream>

#include "base/error.h"
#include "base/limits.h"
#include "model/text.h"

namespace nuri::model {
namespace {

constexpr int kMergeDepth = 8;

// Counts while parsing, before anything is built.
class Limits final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { node(mark); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    node(mark);
    if (++aliases_ > limits::kManifestAliases) too_much(mark, "aliases", limits::kManifestAliases);
  }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                const std::string&) override {
    node(mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    enter(mark);
  }
  void OnSequenceEnd() override { --depth_; }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    enter(mark);
  }
  void OnMapEnd() override { --depth_; }

 private:
  [[noreturn]] static void too_much(const YAML::Mark& mark, std::string_view what,
                                    std::size_t limit) {
    throw Error(Code::too_large, fmt::format("manifest line {}: too many {}; the limit is {}",
                                             mark.line + 1, what, limit));
  }
  void node(const YAML::Mark& mark) {
    if (++nodes_ > limits::kManifestNodes) too_much(mark, "values", limits::kManifestNodes);
  }
  void enter(const YAML::Mark& mark) {
    node(mark);
    if (++depth_ > limits::kManifestDepth)
      too_much(mark, "levels of nesting", limits::kManifestDepth);
  }
  std::size_t nodes_ = 0, aliases_ = 0, depth_ = 0;
};

// yaml-cpp's scanner recurses once per '[' or '{' before any event tells the depth.
void check_flow_depth(std::string_view yaml) {
  const auto opened = std::ranges::count_if(yaml, [](char c) { return c == '[' || c == '{'; });
  if (static_cast<std::size_t>(opened) > limits::kManifestNodes)
    throw Error(Code::too_large, fmt::format("the manifest has {} brackets; the limit is {}",
                                             opened, limits::kManifestNodes));
}

}  // namespace

void refuse_manifest(int line, std::string_view what) {
  throw Error(Code::unprocessable, fmt::format("manifest line {}: {}", line, what));
}

int line_of(const YAML::Node& node) { return std::max(node.Mark().line + 1, 1); }

YAML::Node load_yaml(std::string_view yaml) {
  if (yaml.size() > limits::kManifestBytes)
    throw Error(Code::too_large, fmt::format("the manifest has {} bytes; the limit is {}",
                                             yaml.size(), limits::kManifestBytes));
  if (!is_utf8(yaml))
    throw Error(Code::unprocessable, "the manifest is not valid UTF-8, or holds a NUL");
  check_flow_depth(yaml);
  const std::string text(yaml);
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    Limits limits;
    int documents = 0;
    while (parser.HandleNextDocument(limits))
      if (++documents > 1)
        throw Error(Code::unprocessable, "the manifest holds more than one YAML document");
    return YAML::Load(text);
  } catch (const YAML::Exception& error) {
    refuse_manifest(std::max(error.mark.line + 1, 1), error.msg);
  }
}

std::vector<YamlEntry> YamlReader::entries(const YAML::Node& node, std::string_view what) {
  std::vector<YamlEntry> out;
  collect(node, what, 0, out);
  return out;
}

void YamlReader::collect(const YAML::Node& node, std::string_view what, int depth,
                         std::vector<YamlEntry>& out) {
  if (!node.IsMap()) refuse_manifest(line_of(node), fmt::format("{} must be a mapping", what));
  if (depth > kMergeDepth) refuse_manifest(line_of(node), "merge keys (<<) are nested too deep");
  std::vector<YAML::Node> merged;
  const std::size_t inherited = out.size();
  for (const auto& item : node) {
    if (++followed_ > limits::kManifestNodes)
      throw Error(Code::too_large, "the manifest's merge keys (<<) make too many values");
    const int line = line_of(item.first);
    if (!item.first.IsScalar()) refuse_manifest(line, fmt::format("a key of {} is no text", what));
    const std::string& key = item.first.Scalar();
    if (key == "<<") {
      merged.push_back(item.second);
      continue;
    }
    const auto same = std::ranges::find(out, key, &YamlEntry::key);
    if (same == out.end())
      out.push_back({key, item.second, line});
    else if (same - out.begin() >= static_cast<std::ptrdiff_t>(inherited))
      refuse_manifest(line, fmt::format("the key \"{}\" appears twice", printable(key)));
  }
  for (const YAML::Node& from : merged) {
    if (from.IsSequence())
      for (const auto& item : from) collect(item, "what << names", depth + 1, out);
    else
      collect(from, "what << names", depth + 1, out);
  }
}

}  // namespace nuri::model
