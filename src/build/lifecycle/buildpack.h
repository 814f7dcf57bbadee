#pragma once

// Buildpacks on disk: a directory with buildpack.toml, bin/detect and bin/build, or (composite)
// with an order of others in place of the programs. Buildpack APIs 0.9 and 0.10.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace nuri::lifecycle {

struct GroupEntry {
  std::string id;
  std::string version;  // empty: whatever is there
  bool optional = false;
};
using Group = std::vector<GroupEntry>;
using Order = std::vector<Group>;

struct Target {  // of buildpack.toml; empty members match anything
  std::string os;
  std::string arch;
};

struct Buildpack {
  std::string id;
  std::string version;
  std::string api;
  std::string homepage;
  bool clear_env = false;
  std::vector<std::string> aliases;  // metadata.aliases: names that users know it by
  std::vector<Target> targets;
  Order order;  // composite when not empty
  std::filesystem::path directory;
};

// The name of its directory under the layers: '/' becomes '_'.
std::string directory_name(const std::string& id);

// All buildpacks of one directory. Immutable after load.
class BuildpackStore {
 public:
  // Reads every DIR/NAME/buildpack.toml, and DIR/order.toml (the order used when the user names no
  // buildpacks). Error naming the file for one that cannot be used.
  static BuildpackStore load(const std::filesystem::path& directory);

  // By id, alias, or the part of the id after the last '/'. Null when unknown.
  const Buildpack* find(const std::string& name) const;
  const Order& order() const { return order_; }
  std::vector<std::string> ids() const;

  // `order` with composite buildpacks replaced by what they stand for ("Order Resolution").
  // Error{not_found} naming a buildpack that is not there, Error{too_large} over the limit.
  Order expand(const Order& order) const;

 private:
  std::vector<Group> expand_group(const Group& group, std::size_t depth) const;

  std::map<std::string, Buildpack> buildpacks_;
  Order order_;
};

// What the build makes images for; buildpacks that do not list it are not asked.
struct Platform {
  std::string os = "linux";
  std::string arch = "amd64";
  std::string distro_name;
  std::string distro_version;
};
bool supports(const Buildpack& buildpack, const Platform& platform);

}  // namespace nuri::lifecycle
