// nuri-launch: becomes /cnb/lifecycle/launcher in every image; /cnb/process/TYPE are links to it.

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "build/lifecycle/launch.h"

namespace {

namespace fs = std::filesystem;

constexpr int kLaunchError = 80;  // CNB platform specification: launch-related errors are 80-89

fs::path place(const char* variable, const char* otherwise) {
  const char* value = std::getenv(variable);
  return value && *value ? value : otherwise;
}

int launch(const std::string& called_as, const std::vector<std::string>& args) {
  using namespace nuri::lifecycle;
  const fs::path layers = place("CNB_LAYERS_DIR", "/layers");
  const fs::path app = place("CNB_APP_DIR", "/workspace");
  const std::string shell = ::access("/bin/bash", X_OK) == 0 ? "/bin/bash" : "/bin/sh";
  const LaunchMetadata metadata = read_launch_metadata(layers);
  StartCommand start = choose_command(metadata, called_as, args, app, shell);
  const Environment environment =
      launch_environment(metadata, layers, start.type, app, environment_of_process());
  std::vector<std::string> lines = to_lines(environment);
  std::vector<char*> env;
  for (auto& line : lines) env.push_back(line.data());
  env.push_back(nullptr);
  std::vector<char*> argv;
  for (auto& text : start.argv) argv.push_back(text.data());
  argv.push_back(nullptr);
  if (::chdir(start.directory.c_str()) != 0) {
    std::fprintf(stderr, "cannot enter %s: %s\n", start.directory.c_str(), std::strerror(errno));
    return kLaunchError;
  }
  // execvpe looks the program up in this process's PATH.
  if (const auto path = environment.find("PATH"); path != environment.end())
    ::setenv("PATH", path->second.c_str(), 1);
  ::execvpe(argv[0], argv.data(), env.data());
  const int error = errno;
  std::fprintf(stderr, "cannot start %s: %s\n", argv[0], std::strerror(error));
  return error == ENOENT ? 127 : 126;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return launch(fs::path(argc > 0 ? argv[0] : "").filename().string(),
                  {argv + (argc > 0), argv + argc});
  } catch (const std::exception& e) {
    std::fprintf(stderr, "launcher: %s\n", e.what());
    return kLaunchError;
  }
}
