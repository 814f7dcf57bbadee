#include "build/lifecycle/lifecycle.h"

#include <fmt/format.h>

#include <cstdio>

#include "build/lifecycle/buildpack_env.h"
#include "build/lifecycle/detect.h"
#include "build/lifecycle/exporter.h"
#include "build/lifecycle/input.h"
#include "build/lifecycle/restore.h"

namespace nuri::lifecycle {
namespace {

void say(const std::string& text) {
  std::printf("%s\n", text.c_str());
  std::fflush(stdout);
}

void heading(const std::string& text) { say("===> " + text); }

Platform platform_of(const BuildRequest& request) {
  Platform platform;
  platform.os = json::get_string(request.run_image.config, "os", platform.os);
  platform.arch = json::get_string(request.run_image.config, "architecture", platform.arch);
  platform.distro_name = request.run_image.label("io.buildpacks.base.distro.name");
  platform.distro_version = request.run_image.label("io.buildpacks.base.distro.version");
  return platform;
}

// A damaged label only costs reuse.
std::vector<BuildpackRecord> previous_records(const BuildRequest& request) {
  try {
    return read_records(request.previous_image.label(kLifecycleLabel));
  } catch (const Error& e) {
    say(fmt::format("The previous image's label {} is not used: {}", kLifecycleLabel, e.what()));
    return {};
  }
}

BuildRequest unpack(const Places& places, int input) {
  for (const auto& directory : {places.workspace, places.layers, places.platform, places.scratch})
    fs::create_directories(directory);
  const Input in = unpack_input(input, {places.workspace, places.platform});
  return parse_build_request(in.build_json);
}

int build(const Places& places, int input, int output) {
  const BuildRequest request = unpack(places, input);
  const Platform platform = platform_of(request);
  const BuildpackStore store = BuildpackStore::load(places.buildpacks);
  const Environment environment =
      base_environment(request, places, platform, environment_of_process());
  write_platform_env(places.platform, request.env);

  heading("Detecting");
  Detector detector(store, places, platform, environment, request.env);
  const Selection selection = detector.select(order_for(store, request.buildpacks));
  if (selection.group.empty()) {
    say(selection.explanation);
    return selection.had_error ? kDetectError : kNothingDetected;
  }
  for (const Buildpack* buildpack : selection.group)
    say(fmt::format("{} {}", buildpack->id, buildpack->version));

  heading("Restoring");
  const auto previous = previous_records(request);
  Cache cache(is_real_directory(places.cache) ? places.cache : fs::path());
  restore_layers(selection.group, places, previous, cache);

  heading("Building");
  std::vector<BuiltPart> parts;
  try {
    parts = build_all(selection.group, selection.plan, places, environment, request.env);
  } catch (const BuildFailed& e) {
    say(fmt::format("ERROR: {}", e.message()));
    return kBuildpackFailed;
  }

  heading("Exporting");
  try {
    const Image image = make_image(request, parts, previous, cache, places);
    write_layout(image, output);
    cache.commit(image.cached);
  } catch (const Error& e) {
    say(fmt::format("ERROR: the image cannot be made: {}", e.message()));
    return kExportFailed;
  }
  return kDone;
}

}  // namespace

int run_build(const Places& places, int input, int output) {
  try {
    return build(places, input, output);
  } catch (const std::exception& e) {
    say(fmt::format("ERROR: {}", e.what()));
    return kFailed;
  }
}

}  // namespace nuri::lifecycle
