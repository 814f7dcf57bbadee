#pragma once

// The environment of buildpacks and of launched processes (Buildpack API 0.10, "Environment"). Used
// by the lifecycle and by the launcher, so it needs no library.

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace nuri::lifecycle {

using Environment = std::map<std::string, std::string>;

// Of this process.
Environment environment_of_process();
// "NAME=value" lines for execve.
std::vector<std::string> to_lines(const Environment& environment);

enum class Phase { build, launch };

// Prepends <layer>/bin to PATH, <layer>/lib to LD_LIBRARY_PATH and, for the build phase, the others
// of the specification's table "Layer Paths", where those directories exist. Paths of one
// buildpack's layers end up in the order of `layers`, in front of what was there.
void add_layer_paths(Environment& environment, const std::vector<std::filesystem::path>& layers,
                     Phase phase);

// Applies the files of `layer`/env, then env.build or env.launch, then env.launch/`process` when
// that is not empty, by their suffixes (none and .override, .default, .append, .prepend, .delim). A
// .delim is good for its directory and the later ones of the layer; without one nothing stands
// between two values.
void add_layer_variables(Environment& environment, const std::filesystem::path& layer, Phase phase,
                         std::string_view process = {});

// What a user sets at build time: put in front of the path variables, in place of the others.
void add_user_variables(Environment& environment, const Environment& user);

}  // namespace nuri::lifecycle
