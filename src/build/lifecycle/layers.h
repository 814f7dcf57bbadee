#pragma once

// What one bin/build leaves in its <layers> directory: layers with their types and metadata,
// launch.toml, build.toml and store.toml (Buildpack API 0.10, "Data Format").

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace nuri::lifecycle {

struct Layer {
  std::string name;
  bool launch = false;
  bool build = false;
  bool cache = false;
  json::object metadata;
  bool has_content = false;
  std::filesystem::path directory;
  std::filesystem::path content;  // the real directory, when `directory` is a link into the cache
};

struct Process {
  std::string type;
  std::vector<std::string> command;  // the program and arguments that always stand
  std::vector<std::string> args;     // replaced by a user's
  std::string working_directory;     // empty: the app's
  bool is_default = false;
  std::string buildpack;
};

struct Label {
  std::string key;
  std::string value;
};

struct LaunchFile {
  std::vector<Process> processes;
  std::vector<Label> labels;
  std::vector<std::vector<std::string>> slices;  // globs
};

// The <layer>.toml files of `directory`, sorted by name. Throws Error naming the file.
std::vector<Layer> read_layers(const std::filesystem::path& directory);
// Writes NAME.toml with metadata and no types, as a restored layer has it.
void write_restored_metadata(const std::filesystem::path& directory, const std::string& name,
                             const json::object& metadata);

// Empty when there is none. Throws Error naming what is wrong.
LaunchFile read_launch_file(const std::filesystem::path& directory);
// The processes of launch.toml, or of the launcher's metadata.toml, which has the same tables.
std::vector<Process> read_processes(const json::object& document);
// Names of unmet plan entries.
std::vector<std::string> read_unmet(const std::filesystem::path& directory);
// The [metadata] of store.toml; nullopt when there is none.
std::optional<json::object> read_store(const std::filesystem::path& directory);

// Process types of all buildpacks in order: later ones replace earlier ones of the same type.
std::vector<Process> merge_processes(const std::vector<LaunchFile>& files);
// The last process with default = true; otherwise "web" when there is one; otherwise empty.
std::string default_process(const std::vector<Process>& processes);

json::object to_json(const Process& process);

}  // namespace nuri::lifecycle
