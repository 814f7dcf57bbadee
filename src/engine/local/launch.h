#pragma once

// From an image and a spec to what the sandbox runs. Pure.

#include <string>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "engine/host_protocol.h"
#include "image/oci.h"

namespace nuri::engine::local {

// The process types of an image that a buildpack build made (its label
// io.buildpacks.build.metadata), as the user sees their commands; empty for other images.
std::map<std::string, std::string> process_types(const image::oci::ImageConfig& config);
std::vector<model::UsedBuildpack> buildpacks_of(const image::oci::ImageConfig& config);

// The host's request for `spec`: argv (the launcher for images of buildpacks, else the image's
// entry point and command; a command of the user's runs in a shell), the image's environment with
// the spec's over it, directory, user and layers. Throws Error{unprocessable} for an image that
// says nothing to run, or that wants to run as root or as a user by name.
host::StartInstance start_request(const InstanceSpec& spec, const image::oci::Image& image);

}  // namespace nuri::engine::local
