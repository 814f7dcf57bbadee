#include "build/lifecycle/exporter.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "build/lifecycle/app_layers.h"
#include "build/lifecycle/image_config.h"
#include "build/lifecycle/layer_time.h"
#include "build/lifecycle/tar_writer.h"
#include "build/lifecycle/toml_file.h"

namespace nuri::lifecycle {
namespace {

constexpr std::string_view kLayerType = "application/vnd.oci.image.layer.v1.tar";

class Exporter {
 public:
  Exporter(const BuildRequest& request, const std::vector<BuiltPart>& parts,
           const std::vector<BuildpackRecord>& previous, const Cache& cache, const Places& places)
      : request_(request), parts_(parts), previous_(previous), cache_(cache), places_(places) {}

  Image run() {
    for (const BuiltPart& part : parts_) buildpack_layers(part);
    std::vector<LaunchFile> files;
    std::vector<std::vector<std::string>> slices;
    for (const BuiltPart& part : parts_) {
      files.push_back(part.launch);
      slices.insert(slices.end(), part.launch.slices.begin(), part.launch.slices.end());
      for (const Label& label : part.launch.labels) facts_.labels[label.key] = label.value;
    }
    facts_.processes = merge_processes(files);
    facts_.default_process = default_process(facts_.processes);
    launcher_layers();
    for (LayerPack& pack : app_layers(places_.workspace, slices))
      facts_.app_layers.push_back(add(std::move(pack), "the app's files"));
    facts_.records = std::move(records_);
    finish_image(request_, facts_, image_);
    return std::move(image_);
  }

 private:
  // Adds a packed layer, or the descriptor of the same layer in the previous image.
  std::string add(LayerPack pack, const std::string& what) {
    const LayerMeasure measure = pack.measure();
    const std::string diff_id = measure.diff_id.str();
    if (const json::object* known = request_.previous_image.layer(diff_id))
      return use(diff_id, *known, what);
    std::printf("Added  %s\n", what.c_str());
    image_.layers.push_back(
        {diff_id,
         {{"mediaType", kLayerType}, {"digest", diff_id}, {"size", measure.size}},
         what,
         std::move(pack)});
    return diff_id;
  }

  std::string use(const std::string& diff_id, const json::object& descriptor,
                  const std::string& what) {
    std::printf("Reused %s\n", what.c_str());
    image_.layers.push_back({diff_id, descriptor, what, std::nullopt});
    return diff_id;
  }

  std::string layer_sha(const BuiltPart& part, const Layer& layer) {
    const std::string& id = part.buildpack->id;
    const std::string what = fmt::format("{}:{}", id, layer.name);
    const BuildpackRecord* record = find_record(previous_, id);
    const auto old = record ? record->layers.find(layer.name)
                            : std::map<std::string, LayerRecord>::const_iterator();
    const bool known = record && old != record->layers.end() && old->second.launch;
    const bool same = known && (!layer.has_content || cache_.is_untouched(id, layer));
    if (same)
      if (const json::object* descriptor = request_.previous_image.layer(old->second.sha))
        return use(old->second.sha, *descriptor, what);
    if (!layer.has_content)
      throw Error(
          Code::not_found,
          fmt::format("the buildpack {} asks to keep the layer '{}' of the previous image, which "
                      "does not have it",
                      id, layer.name));
    LayerPack pack;
    pack.add_directory("layers", 0755, 0);
    pack.add_tree(fmt::format("layers/{}/{}", directory_name(id), layer.name), layer.content);
    return add(std::move(pack), what);
  }

  void buildpack_layers(const BuiltPart& part) {
    BuildpackRecord record{part.buildpack->id, part.buildpack->version, {}, part.store};
    for (const Layer& layer : part.layers) {
      std::string sha;
      if (layer.launch) {
        sha = layer_sha(part, layer);
        record.layers[layer.name] = {sha, layer.metadata, true, layer.build, layer.cache};
      }
      if (layer.cache && layer.has_content)
        image_.cached.push_back({part.buildpack->id, &layer, sha});
    }
    facts_.buildpacks.push_back(part.buildpack);
    records_.push_back(std::move(record));
  }

  // The launcher, a link per process type, and the file in which it reads what the types are.
  void launcher_layers() {
    LayerPack launcher;
    launcher.add_file("cnb/lifecycle/launcher", places_.launcher, 0755);
    facts_.launcher_layer = add(std::move(launcher), "the launcher");
    LayerPack config;
    json::array processes;
    for (const Process& process : facts_.processes) {
      config.add_link("cnb/process/" + process.type, "/cnb/lifecycle/launcher");
      // Of several buildpacks' defaults one was chosen; the file says which.
      json::object entry = to_json(process);
      entry.erase("default");
      if (process.type == facts_.default_process) entry["default"] = true;
      processes.push_back(std::move(entry));
    }
    json::array buildpacks;
    for (const BuiltPart& part : parts_)
      buildpacks.push_back(json::object{{"id", part.buildpack->id},
                                        {"version", part.buildpack->version},
                                        {"api", part.buildpack->api}});
    config.add_text("layers/config/metadata.toml",
                    write_toml({{"buildpacks", buildpacks}, {"processes", processes}}));
    facts_.config_layer = add(std::move(config), "the process types");
  }

  const BuildRequest& request_;
  const std::vector<BuiltPart>& parts_;
  const std::vector<BuildpackRecord>& previous_;
  const Cache& cache_;
  const Places& places_;
  Image image_;
  ImageFacts facts_;
  std::vector<BuildpackRecord> records_;
};

}  // namespace

Image make_image(const BuildRequest& request, const std::vector<BuiltPart>& parts,
                 const std::vector<BuildpackRecord>& previous, const Cache& cache,
                 const Places& places) {
  return Exporter(request, parts, previous, cache, places).run();
}

void write_layout(const Image& image, int fd) {
  TarWriter tar([fd](std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw system_error("cannot hand over the image", errno);
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  });
  const auto entry = [](std::string path) {
    return TarEntry{std::move(path), 0644, 0, kLayerTime};
  };
  const auto blob = [&](const std::string& digest) {
    return entry("blobs/sha256/" + digest.substr(7));
  };
  tar.text(entry("oci-layout"), R"({"imageLayoutVersion":"1.0.0"})");
  std::vector<std::string> written;
  for (const ExportedLayer& layer : image.layers) {
    if (!layer.pack || std::find(written.begin(), written.end(), layer.diff_id) != written.end())
      continue;
    Hasher hasher;
    const auto size = static_cast<std::uint64_t>(json::require_int(layer.descriptor, "size"));
    tar.stream(blob(layer.diff_id), size, [&](const TarWriter::Sink& sink) {
      layer.pack->write([&](std::string_view bytes) {
        hasher.update(bytes);
        sink(bytes);
      });
    });
    if (hasher.finish().str() != layer.diff_id)
      throw Error(Code::conflict, fmt::format("{} changed while it was packed", layer.created_by));
    written.push_back(layer.diff_id);
  }
  tar.text(blob(Digest::of(image.config).str()), image.config);
  tar.text(blob(Digest::of(image.manifest).str()), image.manifest);
  tar.text(entry("index.json"), image.index);
  tar.finish();
}

}  // namespace nuri::lifecycle
