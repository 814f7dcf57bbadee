#pragma once

// The image's configuration, manifest and index as JSON (OCI image spec 1.0), with the labels of
// the buildpack platform specification.

#include <map>
#include <string>
#include <vector>

#include "build/lifecycle/buildpack.h"
#include "build/lifecycle/exporter.h"

namespace nuri::lifecycle {

struct ImageFacts {
  std::vector<const Buildpack*> buildpacks;
  std::vector<BuildpackRecord> records;
  std::vector<Process> processes;
  std::string default_process;  // empty: none
  std::map<std::string, std::string> labels;
  std::vector<std::string> app_layers;  // diff ids
  std::string launcher_layer;
  std::string config_layer;
};

// Fills config, manifest and index of `image` from its layers and the run image.
void finish_image(const BuildRequest& request, const ImageFacts& facts, Image& image);

}  // namespace nuri::lifecycle
