#pragma once

// From uploaded bits to an image: package → build → droplet.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "model/app.h"
#include "model/guids.h"
#include "model/metadata.h"

namespace nuri::model {

enum class PackageType { bits, docker };
constexpr auto enum_names(PackageType) { return std::array<std::string_view, 2>{"bits", "docker"}; }
enum class PackageState { awaiting_upload, processing_upload, copying, ready, failed, expired };
constexpr auto enum_names(PackageState) {
  return std::array<std::string_view, 6>{
      "AWAITING_UPLOAD", "PROCESSING_UPLOAD", "COPYING", "READY", "FAILED", "EXPIRED"};
}

struct Package {
  PackageGuid guid;
  AppGuid app;
  PackageType type = PackageType::bits;
  PackageState state = PackageState::awaiting_upload;
  std::string error;  // why it FAILED
  Digest files;       // blob of a PackageFiles (model/package_files.h); empty before READY
  std::string image;  // docker only
  std::int64_t size_bytes = 0;
  Metadata metadata;
  WallTime created_at, updated_at;
  friend bool operator==(const Package&, const Package&) = default;
  static constexpr auto fields() {
    return std::tuple{field("guid", &Package::guid),
                      field("app_guid", &Package::app),
                      field("type", &Package::type),
                      field("state", &Package::state),
                      field("error", &Package::error),
                      field("files_digest", &Package::files),
                      field("image", &Package::image),
                      field("size_bytes", &Package::size_bytes),
                      field("metadata", &Package::metadata),
                      field("created_at", &Package::created_at),
                      field("updated_at", &Package::updated_at)};
  }
};

// A file that a space uploaded. SHA-1 is only an alias within its space: it can be forged, and a
// hash from another space must not be an oracle.
struct SourceFile {
  SourceFileGuid guid;
  SpaceGuid space;
  std::string sha1;
  Digest digest;
  std::int64_t size_bytes = 0;
  WallTime created_at, updated_at;  // updated_at: when it was last matched
  friend bool operator==(const SourceFile&, const SourceFile&) = default;
  static constexpr auto fields() {
    return std::tuple{field("guid", &SourceFile::guid),
                      field("space_guid", &SourceFile::space),
                      field("sha1", &SourceFile::sha1),
                      field("digest", &SourceFile::digest),
                      field("size_bytes", &SourceFile::size_bytes),
                      field("created_at", &SourceFile::created_at),
                      field("updated_at", &SourceFile::updated_at)};
  }
};

enum class BuildState { staging, staged, failed };
constexpr auto enum_names(BuildState) {
  return std::array<std::string_view, 3>{"STAGING", "STAGED", "FAILED"};
}
// Where a STAGING build is, for the server that finds it after a crash. `running` cannot be resumed
// (its sandbox is found again or it fails); `exporting` can: the output is complete on disk.
enum class BuildStep { queued, running, exporting, done };
constexpr auto enum_names(BuildStep) {
  return std::array<std::string_view, 4>{"queued", "running", "exporting", "done"};
}

struct Build {
  BuildGuid guid;
  AppGuid app;
  PackageGuid package;
  BuildState state = BuildState::staging;
  BuildStep step = BuildStep::queued;
  std::string error;  // why it FAILED
  DropletGuid droplet;
  Lifecycle lifecycle;  // asked for
  int memory_mb = 0;    // 0: the platform's limits
  int disk_mb = 0;
  UserGuid created_by;
  Metadata metadata;
  WallTime created_at, updated_at;
  friend bool operator==(const Build&, const Build&) = default;
  static constexpr auto fields() {
    return std::tuple{field("guid", &Build::guid),
                      field("app_guid", &Build::app),
                      field("package_guid", &Build::package),
                      field("state", &Build::state),
                      field("step", &Build::step),
                      field("error", &Build::error),
                      field("droplet_guid", &Build::droplet),
                      field("lifecycle", &Build::lifecycle),
                      field("memory_mb", &Build::memory_mb),
                      field("disk_mb", &Build::disk_mb),
                      field("created_by_guid", &Build::created_by),
                      field("metadata", &Build::metadata),
                      field("created_at", &Build::created_at),
                      field("updated_at", &Build::updated_at)};
  }
};

enum class DropletState { awaiting_upload, processing_upload, staged, failed, expired };
constexpr auto enum_names(DropletState) {
  return std::array<std::string_view, 5>{"AWAITING_UPLOAD", "PROCESSING_UPLOAD", "STAGED", "FAILED",
                                         "EXPIRED"};
}

// A buildpack that took part in a build.
struct UsedBuildpack {
  std::string name;
  std::string version;
  std::string detect_output;
  friend bool operator==(const UsedBuildpack&, const UsedBuildpack&) = default;
  static constexpr auto fields() {
    return std::tuple{field("name", &UsedBuildpack::name),
                      field("version", &UsedBuildpack::version),
                      field("detect_output", &UsedBuildpack::detect_output)};
  }
};

struct Droplet {
  DropletGuid guid;
  AppGuid app;
  PackageGuid package;  // empty when the package is gone
  DropletState state = DropletState::staged;
  std::string error;
  Digest image;  // the OCI image manifest
  std::string stack;
  std::map<std::string, std::string> process_types;  // type → command
  std::vector<UsedBuildpack> buildpacks;
  std::string execution_metadata;
  std::int64_t size_bytes = 0;
  Metadata metadata;
  WallTime created_at, updated_at;
  friend bool operator==(const Droplet&, const Droplet&) = default;
  static constexpr auto fields() {
    return std::tuple{field("guid", &Droplet::guid),
                      field("app_guid", &Droplet::app),
                      field("package_guid", &Droplet::package),
                      field("state", &Droplet::state),
                      field("error", &Droplet::error),
                      field("image_digest", &Droplet::image),
                      field("stack", &Droplet::stack),
                      field("process_types", &Droplet::process_types),
                      field("buildpacks", &Droplet::buildpacks),
                      field("execution_metadata", &Droplet::execution_metadata),
                      field("size_bytes", &Droplet::size_bytes),
                      field("metadata", &Droplet::metadata),
                      field("created_at", &Droplet::created_at),
                      field("updated_at", &Droplet::updated_at)};
  }
};

void validate(const Lifecycle& lifecycle);
void validate(const Droplet& droplet);

}  // namespace nuri::model
