#pragma once

// What the launcher does before it becomes the process (Buildpack API 0.10, "Launch"; Platform
// specification, "launcher"). The launcher is the entry point of every image that Nuri builds,
// under Nuri and under any other container runtime.

#include <filesystem>
#include <string>
#include <vector>

#include "build/lifecycle/environment.h"
#include "build/lifecycle/layers.h"

namespace nuri::lifecycle {

struct LaunchMetadata {
  std::vector<std::string> buildpacks;  // ids in build order
  std::vector<Process> processes;
};

// LAYERS/config/metadata.toml. Throws Error.
LaunchMetadata read_launch_metadata(const std::filesystem::path& layers);

struct StartCommand {
  std::vector<std::string> argv;
  std::filesystem::path directory;
  std::string type;  // empty for a command of the user's
};

// How the launcher was called decides: by the name of a process type, that process, `args` in place
// of its default arguments; else by `args`: "-- PROGRAM ARGS…" runs the program, "SCRIPT ARGS…"
// runs the script in `shell` with those as $1…. Throws Error{not_found} listing the process types
// for anything else.
StartCommand choose_command(const LaunchMetadata& metadata, const std::string& called_as,
                            const std::vector<std::string>& args, const std::filesystem::path& app,
                            const std::string& shell);

// `start` with everything the layers say added, exec.d programs included. What is there only for
// the launcher (its directories in PATH, CNB_ variables) is taken out. Throws Error when an exec.d
// program fails.
Environment launch_environment(const LaunchMetadata& metadata, const std::filesystem::path& layers,
                               const std::string& type, const std::filesystem::path& app,
                               Environment start);

}  // namespace nuri::lifecycle
