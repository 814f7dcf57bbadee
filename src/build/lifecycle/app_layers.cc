#include "build/lifecycle/app_layers.h"

#include <fnmatch.h>

namespace nuri::lifecycle {

bool matches(const std::string& path, const std::vector<std::string>& globs,
             const fs::path& workspace) {
  for (const auto& raw : globs) {
    std::string glob = raw;
    const std::string absolute = workspace.string() + "/";
    if (glob.starts_with(absolute))
      glob = glob.substr(absolute.size());
    else if (glob.starts_with("/workspace/"))
      glob = glob.substr(11);
    while (glob.starts_with("./")) glob = glob.substr(2);
    while (glob.ends_with('/')) glob.pop_back();
    for (auto end = path.find('/');; end = path.find('/', end + 1)) {
      if (::fnmatch(glob.c_str(), path.substr(0, end).c_str(), FNM_PATHNAME) == 0) return true;
      if (end == std::string::npos) break;
    }
  }
  return false;
}

std::vector<LayerPack> app_layers(const fs::path& workspace,
                                  const std::vector<std::vector<std::string>>& slices) {
  Tree rest = walk(workspace);
  std::vector<LayerPack> packs;
  for (const auto& globs : slices) {
    LayerPack pack;
    for (auto it = rest.begin(); it != rest.end();) {
      if (!matches(it->first, globs, workspace)) {
        ++it;
        continue;
      }
      pack.add_node("workspace/" + it->first, it->second, workspace / it->first);
      it = rest.erase(it);
    }
    if (!pack.empty()) packs.push_back(std::move(pack));
  }
  LayerPack last;
  last.add_directory("workspace");
  for (const auto& [path, node] : rest) last.add_node("workspace/" + path, node, workspace / path);
  packs.push_back(std::move(last));
  return packs;
}

}  // namespace nuri::lifecycle
