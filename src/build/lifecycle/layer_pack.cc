#include "build/lifecycle/layer_pack.h"

#include <fmt/format.h>

#include <algorithm>

#include "build/lifecycle/layer_time.h"
#include "build/lifecycle/tar_writer.h"

namespace nuri::lifecycle {

void LayerPack::put(const std::string& path, Item item) {
  std::string name = path;
  while (name.starts_with('/')) name.erase(0, 1);
  for (auto slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1)) {
    Item parent;
    parent.node = {NodeKind::directory, 0755, 0, kLayerTime, {}};
    parent.owner = 0;
    items_.emplace(name.substr(0, slash), std::move(parent));
  }
  items_[name] = std::move(item);
}

void LayerPack::add_directory(const std::string& path, unsigned mode, unsigned owner) {
  Item item;
  item.node = {NodeKind::directory, mode, 0, kLayerTime, {}};
  item.owner = owner;
  put(path, std::move(item));
}

void LayerPack::add_text(const std::string& path, std::string content, unsigned mode) {
  Item item;
  item.node = {NodeKind::file, mode, content.size(), kLayerTime, {}};
  item.owner = 0;
  item.content = std::move(content);
  put(path, std::move(item));
}

void LayerPack::add_link(const std::string& path, std::string target) {
  Item item;
  item.node = {NodeKind::link, 0777, 0, kLayerTime, std::move(target)};
  item.owner = 0;
  put(path, std::move(item));
}

void LayerPack::add_file(const std::string& path, const fs::path& source, unsigned mode) {
  std::error_code ec;
  const auto size = fs::file_size(source, ec);
  if (ec) throw system_error(fmt::format("cannot read {}", source.string()), ec.value());
  Item item;
  item.node = {NodeKind::file, mode, size, kLayerTime, {}};
  item.owner = 0;
  item.source = source;
  put(path, std::move(item));
}

void LayerPack::add_node(const std::string& path, const Node& node, const fs::path& source) {
  Item item;
  item.node = node;
  item.node.mode &= 0777;
  if (node.kind == NodeKind::link) item.node.mode = 0777;
  item.source = source;
  put(path, std::move(item));
}

void LayerPack::add_tree(const std::string& path, const fs::path& source) {
  add_directory(path);
  for (const auto& [name, node] : walk(source)) add_node(path + "/" + name, node, source / name);
}

LayerMeasure LayerPack::measure() const {
  Hasher hasher;
  LayerMeasure measure;
  write([&](std::string_view bytes) {
    hasher.update(bytes);
    measure.size += bytes.size();
  });
  measure.diff_id = hasher.finish();
  return measure;
}

void LayerPack::write(const std::function<void(std::string_view)>& sink) const {
  std::string pending;
  TarWriter tar([&](std::string_view bytes) {
    pending.append(bytes);
    if (pending.size() < limits::kMiB) return;
    sink(pending);
    pending.clear();
  });
  for (const auto& [path, item] : items_) {
    const TarEntry entry{path, item.node.mode, item.owner, std::min(item.node.mtime_s, kLayerTime)};
    if (item.node.kind == NodeKind::directory)
      tar.directory({path, item.node.mode, item.owner, kLayerTime});
    else if (item.node.kind == NodeKind::link)
      tar.link({path, 0777, item.owner, kLayerTime}, item.node.link);
    else if (item.source.empty())
      tar.text(entry, item.content);
    else
      tar.file(entry, item.source, item.node.size);
  }
  tar.finish();
  sink(pending);
}

}  // namespace nuri::lifecycle
