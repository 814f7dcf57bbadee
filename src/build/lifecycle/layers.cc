#include "build/lifecycle/layers.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "build/lifecycle/toml_file.h"
#include "build/lifecycle/tree.h"

namespace nuri::lifecycle {
namespace {

bool is_layer_file(const std::string& name) {
  return name.ends_with(".toml") && name != "launch.toml" && name != "build.toml" &&
         name != "store.toml";
}

Layer read_layer(const fs::path& directory, const std::string& file) {
  Layer layer;
  layer.name = file.substr(0, file.size() - 5);
  layer.directory = directory / layer.name;
  std::error_code ec;
  layer.has_content = fs::is_directory(layer.directory, ec);
  if (layer.has_content) layer.content = fs::canonical(layer.directory);
  const json::object document = read_toml(directory / file).value_or(json::object());
  if (const auto* types = json::find_object(document, "types")) {
    layer.launch = json::get_bool(*types, "launch");
    layer.build = json::get_bool(*types, "build");
    layer.cache = json::get_bool(*types, "cache");
  }
  if (const auto* metadata = json::find_object(document, "metadata")) layer.metadata = *metadata;
  return layer;
}

std::vector<std::string> texts(const json::array& list, std::string_view what) {
  std::vector<std::string> out;
  for (const auto& item : list) {
    if (!item.is_string()) throw Error(Code::unprocessable, fmt::format("{} must be texts", what));
    out.emplace_back(item.get_string());
  }
  return out;
}

bool is_process_type(std::string_view type) {
  return !type.empty() && type != "." && type != ".." &&
         std::all_of(type.begin(), type.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
         });
}

Process read_process(const json::object& table) {
  Process process;
  process.type = json::require_string(table, "type");
  if (!is_process_type(process.type))
    throw Error(Code::unprocessable,
                fmt::format("process type '{}' may have only letters, digits, '.', '_' and '-'",
                            process.type));
  process.command = texts(json::require_array(table, "command"), "command");
  if (process.command.empty())
    throw Error(Code::unprocessable,
                fmt::format("process '{}' has an empty command", process.type));
  if (const auto* args = json::find_array(table, "args")) process.args = texts(*args, "args");
  process.working_directory = json::get_string(table, "working-dir");
  process.is_default = json::get_bool(table, "default");
  return process;
}

LaunchFile launch_file_of(const json::object& document) {
  LaunchFile file;
  file.processes = read_processes(document);
  if (const auto* labels = json::find_array(document, "labels"))
    for (const auto& item : *labels) {
      const auto& table = require_table(item, "a label");
      file.labels.push_back(
          {json::require_string(table, "key"), json::require_string(table, "value")});
    }
  if (const auto* slices = json::find_array(document, "slices"))
    for (const auto& item : *slices)
      file.slices.push_back(
          texts(json::require_array(require_table(item, "a slice"), "paths"), "a slice's paths"));
  return file;
}

}  // namespace

std::vector<Layer> read_layers(const fs::path& directory) {
  std::vector<std::string> files;
  std::error_code ec;
  for (fs::directory_iterator it(directory, ec), end; !ec && it != end; it.increment(ec))
    if (const std::string name = it->path().filename().string();
        is_layer_file(name) && is_file(it->path()))
      files.push_back(name);
  std::sort(files.begin(), files.end());
  std::vector<Layer> layers;
  for (const auto& file : files) {
    try {
      layers.push_back(read_layer(directory, file));
    } catch (const Error& e) {
      throw e.within((directory / file).string());
    }
  }
  return layers;
}

void write_restored_metadata(const fs::path& directory, const std::string& name,
                             const json::object& metadata) {
  write_file(directory / (name + ".toml"), write_toml({{"metadata", metadata}}));
}

std::vector<Process> read_processes(const json::object& document) {
  std::vector<Process> processes;
  std::set<std::string> seen;
  if (const auto* list = json::find_array(document, "processes"))
    for (const auto& item : *list) {
      processes.push_back(read_process(require_table(item, "a process")));
      if (!seen.insert(processes.back().type).second)
        throw Error(Code::unprocessable,
                    fmt::format("process '{}' is there twice", processes.back().type));
    }
  if (seen.size() > limits::kProcessTypes)
    throw Error(Code::too_large, fmt::format("more than {} processes", limits::kProcessTypes));
  if (std::count_if(processes.begin(), processes.end(),
                    [](const Process& process) { return process.is_default; }) > 1)
    throw Error(Code::unprocessable, "more than one process has default = true");
  return processes;
}

LaunchFile read_launch_file(const fs::path& directory) {
  const fs::path path = directory / "launch.toml";
  const auto document = read_toml(path);
  if (!document) return {};
  try {
    return launch_file_of(*document);
  } catch (const Error& e) {
    throw e.within(path.string());
  }
}

std::vector<std::string> read_unmet(const fs::path& directory) {
  const auto document = read_toml(directory / "build.toml");
  std::vector<std::string> names;
  if (!document) return names;
  if (const auto* unmet = json::find_array(*document, "unmet"))
    for (const auto& item : *unmet)
      names.push_back(json::require_string(require_table(item, "an entry of unmet"), "name"));
  return names;
}

std::optional<json::object> read_store(const fs::path& directory) {
  const auto document = read_toml(directory / "store.toml");
  if (!document) return std::nullopt;
  const auto* metadata = json::find_object(*document, "metadata");
  return metadata ? *metadata : json::object();
}

std::vector<Process> merge_processes(const std::vector<LaunchFile>& files) {
  std::vector<Process> merged;
  for (const auto& file : files)
    for (const auto& process : file.processes) {
      const auto same = std::find_if(merged.begin(), merged.end(),
                                     [&](const Process& p) { return p.type == process.type; });
      if (same != merged.end()) merged.erase(same);
      merged.push_back(process);
    }
  return merged;
}

std::string default_process(const std::vector<Process>& processes) {
  std::string chosen;
  for (const auto& process : processes)
    if (process.is_default) chosen = process.type;
  if (!chosen.empty()) return chosen;
  for (const auto& process : processes)
    if (process.type == "web") return process.type;
  return {};
}

json::object to_json(const Process& process) {
  json::object out{{"type", process.type},
                   {"command", json::array(process.command.begin(), process.command.end())},
                   {"args", json::array(process.args.begin(), process.args.end())},
                   {"direct", true},
                   {"buildpackID", process.buildpack}};
  if (process.is_default) out["default"] = true;
  if (!process.working_directory.empty()) out["working-dir"] = process.working_directory;
  return out;
}

}  // namespace nuri::lifecycle
