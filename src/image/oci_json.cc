#include <fmt/format.h>

#include "base/json.h"
#include "image/oci.h"

namespace nuri::image::oci {
namespace {

constexpr std::string_view kDockerManifestType =
    "application/vnd.docker.distribution.manifest.v2+json";
constexpr std::string_view kDockerIndexType =
    "application/vnd.docker.distribution.manifest.list.v2+json";

using Strings = std::map<std::string, std::string>;

[[noreturn]] void refuse(std::string why) { throw Error(Code::unprocessable, std::move(why)); }

const json::object& as_object(const json::value& v, std::string_view what) {
  if (!v.is_object()) refuse(fmt::format("{} is no object", what));
  return v.get_object();
}

Digest require_digest(const json::value& v, std::string_view what) {
  const auto digest =
      v.is_string() ? Digest::parse(std::string_view(v.get_string())) : std::nullopt;
  if (!digest) refuse(fmt::format("{} must be 'sha256:' and 64 lower-case hex digits", what));
  return *digest;
}

Strings get_strings(const json::object& o, std::string_view key) {
  Strings out;
  if (const json::object* map = json::find_object(o, key))
    for (const auto& [name, value] : *map) {
      if (!value.is_string())
        refuse(fmt::format("'{}' in '{}' must be a string", std::string_view(name), key));
      out.emplace(name, value.get_string());
    }
  return out;
}

std::vector<std::string> get_list(const json::object& o, std::string_view key) {
  std::vector<std::string> out;
  if (const json::array* list = json::find_array(o, key))
    for (const json::value& value : *list) {
      if (!value.is_string()) refuse(fmt::format("'{}' must hold strings", key));
      out.emplace_back(value.get_string());
    }
  return out;
}

// {"8080/tcp": {}, …}: a set, as Go writes it.
std::vector<std::string> get_set(const json::object& o, std::string_view key) {
  std::vector<std::string> out;
  if (const json::object* set = json::find_object(o, key))
    for (const auto& entry : *set) out.emplace_back(entry.key());
  std::ranges::sort(out);
  return out;
}

Platform parse_platform(const json::object& o) {
  return {json::require_string(o, "os"), json::require_string(o, "architecture"),
          json::get_string(o, "variant")};
}

Descriptor parse_descriptor(const json::object& o) {
  Descriptor d;
  d.media_type = json::require_string(o, "mediaType");
  json::require_string(o, "digest");
  d.digest = require_digest(o.at("digest"), "'digest'");
  const std::int64_t size = json::require_int(o, "size");
  if (size < 0) refuse("'size' is negative");
  d.size = static_cast<std::uint64_t>(size);
  d.annotations = get_strings(o, "annotations");
  if (const json::object* platform = json::find_object(o, "platform"))
    d.platform = parse_platform(*platform);
  return d;
}

std::vector<Descriptor> parse_descriptors(const json::object& o, std::string_view key,
                                          std::size_t limit) {
  const json::array& list = json::require_array(o, key);
  if (list.size() > limit)
    throw Error(Code::too_large,
                fmt::format("'{}' has {} entries; the limit is {}", key, list.size(), limit));
  std::vector<Descriptor> out;
  for (const json::value& v : list) out.push_back(parse_descriptor(as_object(v, key)));
  return out;
}

json::object parse_top(std::string_view text, std::string_view type, std::string_view docker_type) {
  json::object top = json::parse_object(text, limits::kImageJsonBytes);
  if (json::require_int(top, "schemaVersion") != 2) refuse("'schemaVersion' must be 2");
  const std::string media_type = json::get_string(top, "mediaType", type);
  if (media_type != type && media_type != docker_type)
    refuse(fmt::format("unexpected media type '{}'", media_type));
  return top;
}

std::vector<History> parse_history(const json::object& top) {
  std::vector<History> out;
  const json::array* list = json::find_array(top, "history");
  if (!list) return out;
  for (const json::value& v : *list) {
    const json::object& o = as_object(v, "'history'");
    out.push_back({json::get_string(o, "created"), json::get_string(o, "created_by"),
                   json::get_string(o, "comment"), json::get_bool(o, "empty_layer")});
  }
  return out;
}

json::object to_json(const Strings& strings) {
  json::object o;
  for (const auto& [key, value] : strings) o.emplace(key, value);
  return o;
}

json::array to_json(const std::vector<std::string>& list) {
  return json::array(list.begin(), list.end());
}

json::object to_set(const std::vector<std::string>& names) {
  json::object o;
  for (const std::string& name : names) o.emplace(name, json::object());
  return o;
}

void set_unless_empty(json::object& o, std::string_view key, const auto& value) {
  if (value.empty()) return;
  if constexpr (requires { to_json(value); })
    o.emplace(key, to_json(value));
  else
    o.emplace(key, value);
}

json::object to_json(const Descriptor& d) {
  json::object o;
  set_unless_empty(o, "annotations", d.annotations);
  o.emplace("digest", d.digest.str());
  o.emplace("mediaType", d.media_type);
  if (d.platform) {
    json::object platform{{"architecture", d.platform->architecture}, {"os", d.platform->os}};
    set_unless_empty(platform, "variant", d.platform->variant);
    o.emplace("platform", std::move(platform));
  }
  o.emplace("size", d.size);
  return o;
}

json::array to_json(const std::vector<Descriptor>& list) {
  json::array out;
  for (const Descriptor& d : list) out.push_back(to_json(d));
  return out;
}

json::array to_json(const std::vector<History>& list) {
  json::array out;
  for (const History& h : list) {
    json::object o;
    set_unless_empty(o, "comment", h.comment);
    set_unless_empty(o, "created", h.created);
    set_unless_empty(o, "created_by", h.created_by);
    if (h.empty_layer) o.emplace("empty_layer", true);
    out.push_back(std::move(o));
  }
  return out;
}

}  // namespace

Manifest parse_manifest(std::string_view text) {
  const json::object top = parse_top(text, kManifestType, kDockerManifestType);
  Manifest manifest;
  manifest.config = parse_descriptor(json::require_object(top, "config"));
  manifest.layers = parse_descriptors(top, "layers", limits::kImageLayers);
  manifest.annotations = get_strings(top, "annotations");
  return manifest;
}

std::string serialise(const Manifest& manifest) {
  json::object top;
  set_unless_empty(top, "annotations", manifest.annotations);
  top.emplace("config", to_json(manifest.config));
  top.emplace("layers", to_json(manifest.layers));
  top.emplace("mediaType", kManifestType);
  top.emplace("schemaVersion", 2);
  return json::serialize(top);
}

Index parse_index(std::string_view text) {
  const json::object top = parse_top(text, kIndexType, kDockerIndexType);
  return {parse_descriptors(top, "manifests", limits::kImageBlobs),
          get_strings(top, "annotations")};
}

std::string serialise(const Index& index) {
  json::object top;
  set_unless_empty(top, "annotations", index.annotations);
  top.emplace("manifests", to_json(index.manifests));
  top.emplace("mediaType", kIndexType);
  top.emplace("schemaVersion", 2);
  return json::serialize(top);
}

ImageConfig parse_config(std::string_view text) {
  const json::object top = json::parse_object(text, limits::kImageJsonBytes);
  ImageConfig config;
  config.platform = parse_platform(top);
  config.created = json::get_string(top, "created");
  config.author = json::get_string(top, "author");
  config.history = parse_history(top);
  const json::object& rootfs = json::require_object(top, "rootfs");
  if (json::require_string(rootfs, "type") != "layers") refuse("'rootfs.type' must be 'layers'");
  for (const json::value& v : json::require_array(rootfs, "diff_ids"))
    config.diff_ids.push_back(require_digest(v, "each of 'rootfs.diff_ids'"));
  const json::object* o = json::find_object(top, "config");
  if (!o) return config;
  config.user = json::get_string(*o, "User");
  config.env = get_list(*o, "Env");
  config.entrypoint = get_list(*o, "Entrypoint");
  config.cmd = get_list(*o, "Cmd");
  config.working_dir = json::get_string(*o, "WorkingDir");
  config.stop_signal = json::get_string(*o, "StopSignal");
  config.exposed_ports = get_set(*o, "ExposedPorts");
  config.volumes = get_set(*o, "Volumes");
  config.labels = get_strings(*o, "Labels");
  return config;
}

std::string serialise(const ImageConfig& config) {
  json::object o;
  set_unless_empty(o, "Cmd", config.cmd);
  set_unless_empty(o, "Entrypoint", config.entrypoint);
  set_unless_empty(o, "Env", config.env);
  if (!config.exposed_ports.empty()) o.emplace("ExposedPorts", to_set(config.exposed_ports));
  set_unless_empty(o, "Labels", config.labels);
  set_unless_empty(o, "StopSignal", config.stop_signal);
  set_unless_empty(o, "User", config.user);
  if (!config.volumes.empty()) o.emplace("Volumes", to_set(config.volumes));
  set_unless_empty(o, "WorkingDir", config.working_dir);

  json::object top;
  top.emplace("architecture", config.platform.architecture);
  set_unless_empty(top, "author", config.author);
  top.emplace("config", std::move(o));
  set_unless_empty(top, "created", config.created);
  if (!config.history.empty()) top.emplace("history", to_json(config.history));
  top.emplace("os", config.platform.os);
  json::array diff_ids;
  for (const Digest& digest : config.diff_ids) diff_ids.push_back(json::value(digest.str()));
  top.emplace("rootfs", json::object{{"diff_ids", std::move(diff_ids)}, {"type", "layers"}});
  set_unless_empty(top, "variant", config.platform.variant);
  return json::serialize(top);
}

std::string_view ImageConfig::env_value(std::string_view name) const {
  for (std::string_view entry : env)
    if (entry.size() > name.size() && entry[name.size()] == '=' && entry.starts_with(name))
      return entry.substr(name.size() + 1);
  return {};
}

std::optional<Compression> layer_compression(std::string_view type) {
  if (type == kLayerType || type == "application/vnd.docker.image.rootfs.diff.tar")
    return Compression::none;
  if (type == kLayerGzipType || type == "application/vnd.docker.image.rootfs.diff.tar.gzip")
    return Compression::gzip;
  if (type == kLayerZstdType) return Compression::zstd;
  return std::nullopt;
}

}  // namespace nuri::image::oci
