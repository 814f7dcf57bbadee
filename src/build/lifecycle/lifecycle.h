#pragma once

// One build from input to image: unpack, detect, restore, build, export, keep the cache.

#include <string>

#include "build/lifecycle/places.h"

namespace nuri::lifecycle {

// Exit codes of the Cloud Native Buildpacks platform specification.
enum ExitCode : int {
  kDone = 0,
  kFailed = 1,            // not the app's fault: input, disk, a bug
  kNothingDetected = 20,  // no group passed
  kDetectError = 21,      // no group passed, and a bin/detect failed
  kBuildpackFailed = 51,  // a bin/build failed
  kExportFailed = 62,
};

// Reads the build's input from descriptor `input`, writes the image to `output` and the log to
// standard output. Returns an ExitCode; never throws. Blocking, one thread; makes workspace,
// layers, platform and scratch when they are missing.
int run_build(const Places& places, int input, int output);

}  // namespace nuri::lifecycle
