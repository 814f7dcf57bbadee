#pragma once

// YAML from outside, read with limits: what model/manifest.cc walks.

#include <yaml-cpp/yaml.h>

#include <string>
#include <string_view>
#include <vector>

namespace nuri::model {

// Throws Error{unprocessable} "manifest line N: WHAT".
[[noreturn]] void refuse_manifest(int line, std::string_view what);

// The only document in `yaml`. Its size, depth, and numbers of nodes and aliases are within
// limits::kManifest…; what may still be a cycle is for those who follow aliases to bound. Throws
// Error: unprocessable naming the line, too_large.
YAML::Node load_yaml(std::string_view yaml);

// 1-based.
int line_of(const YAML::Node& node);

struct YamlEntry {
  std::string key;
  YAML::Node value;
  int line = 0;  // of the key
};

// The entries of a mapping in order, with merge keys ("<<") resolved: its own win. One object reads
// one document, and bounds all that it follows.
class YamlReader {
 public:
  // Throws Error{unprocessable}: `what` is no mapping, has a key twice or one that is no text.
  std::vector<YamlEntry> entries(const YAML::Node& node, std::string_view what);

 private:
  void collect(const YAML::Node& node, std::string_view what, int depth,
               std::vector<YamlEntry>& out);
  std::size_t followed_ = 0;
};

}  // namespace nuri::model
