// nuri-lifecycle: one build, inside the build sandbox. Input on descriptor 3, image on
// descriptor 4.

#include <getopt.h>

#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "build/lifecycle/lifecycle.h"

namespace {

constexpr const char* kUsage =
    "usage: nuri-lifecycle [--workspace DIR] [--layers DIR] [--platform DIR] [--cache DIR]\n"
    "                      [--buildpacks DIR] [--launcher FILE] [--scratch DIR]\n"
    "Builds an image from the tar on descriptor 3 and writes it to descriptor 4.\n";

int parse(int argc, char** argv, nuri::lifecycle::Places& places) {
  enum { kWorkspace = 1, kLayers, kPlatform, kCache, kBuildpacks, kLauncher, kScratch };
  const option options[] = {
      {"workspace", 1, nullptr, kWorkspace},   {"layers", 1, nullptr, kLayers},
      {"platform", 1, nullptr, kPlatform},     {"cache", 1, nullptr, kCache},
      {"buildpacks", 1, nullptr, kBuildpacks}, {"launcher", 1, nullptr, kLauncher},
      {"scratch", 1, nullptr, kScratch},       {nullptr, 0, nullptr, 0}};
  for (int c = 0; (c = getopt_long(argc, argv, "", options, nullptr)) != -1;) {
    switch (c) {
      case kWorkspace:
        places.workspace = optarg;
        break;
      case kLayers:
        places.layers = optarg;
        break;
      case kPlatform:
        places.platform = optarg;
        break;
      case kCache:
        places.cache = optarg;
        break;
      case kBuildpacks:
        places.buildpacks = optarg;
        break;
      case kLauncher:
        places.launcher = optarg;
        break;
      case kScratch:
        places.scratch = optarg;
        break;
      default:
        std::fputs(kUsage, stderr);
        return 3;
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::setlocale(LC_CTYPE, "C.UTF-8");
  std::signal(SIGPIPE, SIG_IGN);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  nuri::lifecycle::Places places;
  if (const int bad = parse(argc, argv, places)) return bad;
  return nuri::lifecycle::run_build(places, 3, 4);
}
