#include "layered_engine.h"

#include <fmt/format.h>

#include "image/oci.h"
#include "image/package.h"
#include "trace.h"

namespace nuri::sim {

LayeredEngine::Source LayeredEngine::read_package(const engine::BuildSpec& spec) const {
  Source out;
  try {
    for (const auto& file : image::load_package(parts_.blobs, spec.package).files) {
      const std::string text = parts_.blobs.read(file.sha256, limits::kKiB);
      if (file.path == kBehaviourFile)
        out.behaviour = static_cast<engine::Behaviour>(text.at(0) - '0');
      if (file.path == kWorkerFile) out.worker = true;
    }
  } catch (const Error& error) {
    parts_.violated(fmt::format("build {} has no package: {}", brief(spec.guid), error.message()));
  }
  return out;
}

Digest LayeredEngine::make_image(const Digest& package) const {
  const std::string tar = "the layer of " + package.str();
  const auto blob = parts_.blobs.put(tar);
  image::oci::ImageConfig config;
  config.platform = image::oci::host_platform();
  config.diff_ids = {blob.digest};
  return image::oci::store_image(
      parts_.blobs, config,
      {{std::string(image::oci::kLayerType), blob.digest, blob.size, {}, {}}});
}

Task<engine::BuildResult> LayeredEngine::build(engine::BuildSpec spec) {
  const Source source = read_package(spec);
  parts_.disk.caches.insert(spec.app);
  const Digest package = spec.package;
  auto result = co_await parts_.engine.build(std::move(spec));
  result.image = make_image(package);
  parts_.machine.behave(result.image, source.behaviour);
  if (source.worker) result.process_types.emplace("worker", "work");
  co_return result;
}

Task<void> LayeredEngine::start(engine::InstanceSpec spec) {
  if (!parts_.disk.images.contains(spec.image)) {
    try {
      for (const auto& layer : image::oci::load_image(parts_.blobs, spec.image).layers)
        if (!parts_.blobs.exists(layer.blob.digest))
          throw Error(Code::not_found, "no layer " + layer.blob.digest.str());
      parts_.disk.images.insert(spec.image);
    } catch (const Error& error) {
      parts_.violated(
          fmt::format("instance {} has no image: {}", brief(spec.guid), error.message()));
    }
  }
  co_await parts_.engine.start(std::move(spec));
}

Task<void> LayeredEngine::forget_app(AppGuid app) {
  co_await parts_.engine.forget_app(app);
  parts_.disk.caches.erase(app);
}

// Of what runs, a machine keeps the layers whatever it is told.
Task<void> LayeredEngine::collect(std::set<Digest> images_in_use) {
  co_await parts_.engine.collect(images_in_use);
  for (const auto& [guid, sandbox] : parts_.machine.sandboxes())
    images_in_use.insert(sandbox.spec.image);
  std::erase_if(parts_.disk.images,
                [&](const Digest& image) { return !images_in_use.contains(image); });
}

}  // namespace nuri::sim
