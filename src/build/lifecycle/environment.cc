#include "build/lifecycle/environment.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>

namespace nuri::lifecycle {
namespace {

namespace fs = std::filesystem;

struct LayerPath {
  std::string_view variable;
  std::string_view directory;
  bool launch;
};
constexpr std::array kLayerPaths{
    LayerPath{"PATH", "bin", true},
    LayerPath{"LD_LIBRARY_PATH", "lib", true},
    LayerPath{"LIBRARY_PATH", "lib", false},
    LayerPath{"CPATH", "include", false},
    LayerPath{"PKG_CONFIG_PATH", "pkgconfig", false},
};

bool is_layer_path(std::string_view variable) {
  return std::any_of(kLayerPaths.begin(), kLayerPaths.end(),
                     [&](const LayerPath& path) { return path.variable == variable; });
}

std::string read_value(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

using Delimiters = std::map<std::string, std::string>;

void apply(Environment& environment, const Delimiters& delimiters, const std::string& name,
           std::string_view action, std::string value) {
  const auto had = environment.find(name);
  const bool empty = had == environment.end() || had->second.empty();
  if (action == "default") {
    if (empty) environment[name] = std::move(value);
    return;
  }
  if (action.empty() || action == "override" || empty) {
    if (action.empty() || action == "override" || action == "append" || action == "prepend")
      environment[name] = std::move(value);
    return;
  }
  const auto delimiter = delimiters.find(name);
  const std::string between = delimiter == delimiters.end() ? "" : delimiter->second;
  if (action == "append") had->second += between + value;
  if (action == "prepend") had->second = value + between + had->second;
}

void apply_directory(Environment& environment, Delimiters& delimiters, const fs::path& directory) {
  std::vector<fs::path> files;
  std::error_code ec;
  for (fs::directory_iterator it(directory, ec), end; !ec && it != end; it.increment(ec))
    if (it->is_regular_file(ec)) files.push_back(it->path());
  std::sort(files.begin(), files.end());
  const auto split = [](const fs::path& file) {
    const std::string text = file.filename().string();
    const auto dot = text.find('.');
    return dot == std::string::npos ? std::pair{text, std::string()}
                                    : std::pair{text.substr(0, dot), text.substr(dot + 1)};
  };
  for (const auto& file : files)
    if (const auto [name, action] = split(file); action == "delim")
      delimiters[name] = read_value(file);
  for (const auto& file : files)
    if (const auto [name, action] = split(file); action != "delim" && !name.empty())
      apply(environment, delimiters, name, action, read_value(file));
}

}  // namespace

Environment environment_of_process() {
  Environment out;
  for (char** line = environ; line && *line; ++line) {
    const std::string_view text(*line);
    const auto equals = text.find('=');
    if (equals != std::string_view::npos && equals > 0)
      out.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return out;
}

std::vector<std::string> to_lines(const Environment& environment) {
  std::vector<std::string> lines;
  for (const auto& [name, value] : environment) lines.push_back(name + "=" + value);
  return lines;
}

void add_layer_paths(Environment& environment, const std::vector<fs::path>& layers, Phase phase) {
  for (const LayerPath& path : kLayerPaths) {
    if (phase == Phase::launch && !path.launch) continue;
    std::string value;
    for (const auto& layer : layers) {
      std::error_code ec;
      const fs::path directory = layer / path.directory;
      if (!fs::is_directory(directory, ec)) continue;
      if (!value.empty()) value += ":";
      value += directory.string();
    }
    if (value.empty()) continue;
    std::string& current = environment[std::string(path.variable)];
    current = current.empty() ? value : value + ":" + current;
  }
}

void add_layer_variables(Environment& environment, const fs::path& layer, Phase phase,
                         std::string_view process) {
  Delimiters delimiters;
  apply_directory(environment, delimiters, layer / "env");
  const fs::path specific = layer / (phase == Phase::build ? "env.build" : "env.launch");
  apply_directory(environment, delimiters, specific);
  if (phase == Phase::launch && !process.empty())
    apply_directory(environment, delimiters, specific / process);
}

void add_user_variables(Environment& environment, const Environment& user) {
  for (const auto& [name, value] : user) {
    std::string& current = environment[name];
    current = is_layer_path(name) && !current.empty() ? value + ":" + current : value;
  }
}

}  // namespace nuri::lifecycle
