#include "build/lifecycle/buildpack.h"

#include <fmt/format.h>

#include <algorithm>

#include "build/lifecycle/toml_file.h"
#include "build/lifecycle/tree.h"

namespace nuri::lifecycle {
namespace {

Order order_of(const json::object& document) {
  Order order;
  const auto* groups = json::find_array(document, "order");
  if (!groups) return order;
  for (const auto& item : *groups) {
    Group group;
    for (const auto& entry : json::require_array(require_table(item, "an order"), "group")) {
      const auto& table = require_table(entry, "an entry of a group");
      group.push_back({json::require_string(table, "id"), json::get_string(table, "version"),
                       json::get_bool(table, "optional")});
    }
    if (!group.empty()) order.push_back(std::move(group));
  }
  return order;
}

void check_programs(const Buildpack& buildpack) {
  for (const char* name : {"detect", "build"})
    if (!is_file(buildpack.directory / "bin" / name))
      throw Error(Code::unprocessable, fmt::format("it has no bin/{}", name));
}

bool is_valid_id(std::string_view id) {
  if (id.empty() || id == "config" || id == "app" || id == "sbom" || id == "cnb") return false;
  return std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '/' || c == '-' || c == '_';
  });
}

Buildpack read_buildpack(const fs::path& directory, const json::object& document) {
  const auto& about = json::require_object(document, "buildpack");
  Buildpack buildpack;
  buildpack.directory = directory;
  buildpack.api = json::require_string(document, "api");
  buildpack.id = json::require_string(about, "id");
  buildpack.version = json::require_string(about, "version");
  buildpack.homepage = json::get_string(about, "homepage");
  buildpack.clear_env = json::get_bool(about, "clear-env");
  buildpack.order = order_of(document);
  if (buildpack.api != "0.10" && buildpack.api != "0.9")
    throw Error(
        Code::unprocessable,
        fmt::format("buildpack API '{}' is not supported (0.9 and 0.10 are)", buildpack.api));
  if (!is_valid_id(buildpack.id))
    throw Error(Code::unprocessable, fmt::format("'{}' is not a valid id", buildpack.id));
  if (const auto* targets = json::find_array(document, "targets"))
    for (const auto& item : *targets) {
      const auto& target = require_table(item, "an entry of targets");
      buildpack.targets.push_back(
          {json::get_string(target, "os"), json::get_string(target, "arch")});
    }
  if (const auto* metadata = json::find_object(document, "metadata"))
    if (const auto* aliases = json::find_array(*metadata, "aliases"))
      for (const auto& alias : *aliases)
        if (alias.is_string()) buildpack.aliases.emplace_back(alias.get_string());
  if (buildpack.order.empty()) check_programs(buildpack);
  return buildpack;
}

}  // namespace

BuildpackStore BuildpackStore::load(const fs::path& directory) {
  BuildpackStore store;
  std::error_code ec;
  for (fs::directory_iterator it(directory, ec), end; !ec && it != end; it.increment(ec)) {
    const fs::path file = it->path() / "buildpack.toml";
    if (!is_file(file)) continue;
    try {
      Buildpack buildpack = read_buildpack(it->path(), *read_toml(file));
      const std::string id = buildpack.id;
      if (!store.buildpacks_.emplace(id, std::move(buildpack)).second)
        throw Error(Code::conflict, fmt::format("another buildpack is called '{}' too", id));
    } catch (const Error& e) {
      throw e.within(file.string());
    }
  }
  if (ec)
    throw system_error(fmt::format("cannot list the buildpacks in {}", directory.string()),
                       ec.value());
  if (const auto document = read_toml(directory / "order.toml")) store.order_ = order_of(*document);
  return store;
}

const Buildpack* BuildpackStore::find(const std::string& name) const {
  if (const auto it = buildpacks_.find(name); it != buildpacks_.end()) return &it->second;
  for (const auto& [id, buildpack] : buildpacks_) {
    const auto slash = id.rfind('/');
    if (slash != std::string::npos && id.substr(slash + 1) == name) return &buildpack;
    if (std::find(buildpack.aliases.begin(), buildpack.aliases.end(), name) !=
        buildpack.aliases.end())
      return &buildpack;
  }
  return nullptr;
}

std::vector<std::string> BuildpackStore::ids() const {
  std::vector<std::string> ids;
  for (const auto& [id, buildpack] : buildpacks_) ids.push_back(id);
  return ids;
}

std::vector<Group> BuildpackStore::expand_group(const Group& group, std::size_t depth) const {
  constexpr std::size_t kDepth = 8;
  if (depth > kDepth)
    throw Error(Code::too_large, "buildpacks are nested too deeply in each other");
  std::vector<Group> expanded{{}};
  for (const GroupEntry& entry : group) {
    const Buildpack* buildpack = find(entry.id);
    if (!buildpack || (!entry.version.empty() && entry.version != buildpack->version))
      throw Error(Code::not_found,
                  fmt::format("there is no buildpack '{}'{}; there are: {}", entry.id,
                              entry.version.empty() ? "" : " of version " + entry.version,
                              fmt::join(ids(), ", ")));
    std::vector<Group> tails{{GroupEntry{buildpack->id, buildpack->version, entry.optional}}};
    if (!buildpack->order.empty()) {
      tails.clear();
      for (const Group& inner : buildpack->order)
        for (Group& flat : expand_group(inner, depth + 1)) tails.push_back(std::move(flat));
      if (entry.optional) tails.emplace_back();
    }
    std::vector<Group> next;
    for (const Group& head : expanded)
      for (const Group& tail : tails) {
        Group joined = head;
        joined.insert(joined.end(), tail.begin(), tail.end());
        next.push_back(std::move(joined));
        if (next.size() > limits::kBuildpackGroups)
          throw Error(Code::too_large, fmt::format("the buildpacks' order has more than {} groups",
                                                   limits::kBuildpackGroups));
      }
    expanded = std::move(next);
  }
  return expanded;
}

Order BuildpackStore::expand(const Order& order) const {
  Order out;
  for (const Group& group : order)
    for (Group& flat : expand_group(group, 0))
      if (!flat.empty()) out.push_back(std::move(flat));
  return out;
}

bool supports(const Buildpack& buildpack, const Platform& platform) {
  if (buildpack.targets.empty()) return true;
  return std::any_of(buildpack.targets.begin(), buildpack.targets.end(), [&](const Target& target) {
    return (target.os.empty() || target.os == platform.os) &&
           (target.arch.empty() || target.arch == platform.arch);
  });
}

}  // namespace nuri::lifecycle
