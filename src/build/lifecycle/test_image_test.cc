#include "build/lifecycle/test_image.h"

#include <archive.h>
#include <archive_entry.h>

#include <map>
#include <memory>

#include "base/digest.h"
#include "build/lifecycle/image_metadata.h"

namespace nuri::lifecycle {
namespace {

using Members = std::vector<std::pair<std::string, std::string>>;

Members read_tar(std::string_view bytes) {
  const std::unique_ptr<archive, int (*)(archive*)> a(archive_read_new(), archive_read_free);
  archive_read_support_format_tar(a.get());
  if (archive_read_open_memory(a.get(), bytes.data(), bytes.size()) != ARCHIVE_OK)
    throw Error(Code::bad_request, "not a tar");
  Members members;
  archive_entry* e = nullptr;
  while (archive_read_next_header(a.get(), &e) == ARCHIVE_OK) {
    std::string content(static_cast<std::size_t>(archive_entry_size(e)), '\0');
    archive_read_data(a.get(), content.data(), content.size());
    members.emplace_back(archive_entry_pathname(e), std::move(content));
  }
  return members;
}

std::vector<std::string> texts(const json::value& list) {
  std::vector<std::string> out;
  for (const auto& item : list.as_array()) out.emplace_back(item.as_string());
  return out;
}

}  // namespace

TestImage TestImage::read(const fs::path& layout) {
  const auto bytes = read_file(layout, 64 * limits::kMiB);
  const Members members = read_tar(bytes.value());
  if (members.empty() || members.back().first != "index.json")
    throw Error(Code::bad_request, "index.json is not last");
  std::map<std::string, std::string> blobs;
  for (const auto& [name, content] : members) {
    if (!name.starts_with("blobs/")) continue;
    blobs["sha256:" + name.substr(13)] = content;
    if (Digest::of(content).hex() != name.substr(13)) throw Error(Code::data_loss, name);
  }
  TestImage image;
  const auto index = json::parse_object(members.back().second);
  image.manifest_digest = index.at("manifests").at(0).at("digest").as_string();
  image.manifest = json::parse_object(blobs.at(image.manifest_digest));
  image.config_text = blobs.at(std::string(image.manifest.at("config").at("digest").as_string()));
  image.config = json::parse_object(image.config_text);
  for (const auto& layer : image.manifest.at("layers").as_array()) {
    const auto blob = blobs.find(std::string(layer.at("digest").as_string()));
    if (blob == blobs.end()) continue;
    ++image.new_layers;
    for (const auto& [path, content] : read_tar(blob->second)) image.paths.push_back(path);
  }
  return image;
}

std::vector<std::string> TestImage::diff_ids() const {
  return texts(config.at("rootfs").at("diff_ids"));
}

std::string TestImage::label(std::string_view name) const {
  return json::get_string(config.at("config").at("Labels").as_object(), name);
}

std::vector<std::string> TestImage::entrypoint() const {
  return texts(config.at("config").at("Entrypoint"));
}

std::vector<std::string> TestImage::env() const { return texts(config.at("config").at("Env")); }

std::string TestImage::layer_sha(std::string_view buildpack, std::string_view layer) const {
  const auto records = read_records(label(kLifecycleLabel));
  const auto* record = find_record(records, buildpack);
  return record ? record->layers.at(std::string(layer)).sha : "";
}

json::object TestImage::request() const {
  return {{"config", config}, {"layers", manifest.at("layers")}};
}

}  // namespace nuri::lifecycle
