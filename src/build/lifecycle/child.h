#pragma once

// Runs one program to its end. Blocking; the lifecycle has one thread.

#include <filesystem>
#include <string>
#include <vector>

#include "build/lifecycle/environment.h"

namespace nuri::lifecycle {

struct Child {
  std::vector<std::string> argv;  // argv[0] is a path
  Environment environment;
  std::filesystem::path directory;
};

// Its exit status; 128 + N when signal N ended it. Standard input is empty; output goes where this
// process's goes. Throws Error when it cannot be started.
int run(const Child& child);

struct Captured {
  int status = 0;
  std::string output;  // standard output and error together, cut at limits::kDetectOutputBytes
};
Captured run_captured(const Child& child);

}  // namespace nuri::lifecycle
