#include "build/lifecycle/cache.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>

#include "base/digest.h"
#include "build/lifecycle/toml_file.h"

namespace nuri::lifecycle {
namespace {

constexpr std::string_view kFormat = "nuri-cache/1";

std::string line_of(const std::string& path, const struct stat& st) {
  return fmt::format("{} {} {:o} {} {}.{}\n", path, st.st_ino, st.st_mode, st.st_size,
                     st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
}

}  // namespace

std::string fingerprint(const fs::path& root) {
  struct stat st;
  if (::lstat(root.c_str(), &st) != 0 || !S_ISDIR(st.st_mode)) return {};
  Hasher hasher;
  hasher.update(line_of(".", st));
  for (const auto& [path, node] : walk(root)) {
    if (::lstat((root / path).c_str(), &st) != 0) return {};
    hasher.update(line_of(path, st));
  }
  return hasher.finish_hex();
}

Cache::Cache(fs::path root) : root_(std::move(root)) {
  if (root_.empty()) return;
  try {
    fs::create_directories(root_ / "layers");
    read();
    sweep();
  } catch (const std::exception& e) {
    throw_away(e.what());
  }
}

void Cache::read() {
  const auto text = read_file(root_ / "nuri-cache.json", limits::kJsonBytes);
  if (!text) return;
  const json::object document = json::parse_object(*text);
  if (json::require_string(document, "format") != kFormat) {
    throw_away("it was written by another version");
    return;
  }
  next_ = static_cast<std::uint64_t>(json::require_int(document, "next"));
  for (const auto& item : json::require_array(document, "layers")) {
    const auto& table = require_table(item, "a layer");
    Entry entry;
    entry.directory = json::require_string(table, "directory");
    if (entry.directory.find('/') != std::string::npos ||
        !is_real_directory(root_ / "layers" / entry.directory))
      throw Error(Code::data_loss, fmt::format("the directory {} is missing", entry.directory));
    entry.fingerprint = json::require_string(table, "fingerprint");
    entry.record.sha = json::get_string(table, "sha");
    entry.record.launch = json::get_bool(table, "launch");
    entry.record.build = json::get_bool(table, "build");
    entry.record.cache = true;
    entry.record.data = json::require_object(table, "data");
    entries_.emplace(
        Key{json::require_string(table, "buildpack"), json::require_string(table, "layer")},
        std::move(entry));
  }
}

void Cache::throw_away(std::string_view why) {
  std::printf("The build cache is thrown away: %.*s\n", static_cast<int>(why.size()), why.data());
  entries_.clear();
  try {
    fs::remove(root_ / "nuri-cache.json");
    remove_tree(root_ / "layers");
    fs::create_directories(root_ / "layers");
  } catch (const std::exception& e) {
    std::printf("The build cache cannot be used: %s\n", e.what());
    root_.clear();
  }
}

void Cache::sweep() {
  std::vector<std::string> known;
  for (const auto& [key, entry] : entries_) known.push_back(entry.directory);
  std::vector<fs::path> dead;
  for (const auto& item : fs::directory_iterator(root_ / "layers"))
    if (std::find(known.begin(), known.end(), item.path().filename().string()) == known.end())
      dead.push_back(item.path());
  for (const auto& path : dead) remove_tree(path);
}

const LayerRecord* Cache::find(const std::string& buildpack, const std::string& layer) const {
  const auto it = entries_.find({buildpack, layer});
  return it == entries_.end() ? nullptr : &it->second.record;
}

std::vector<std::string> Cache::layers_of(const std::string& buildpack) const {
  std::vector<std::string> out;
  for (const auto& [key, entry] : entries_)
    if (key.first == buildpack) out.push_back(key.second);
  return out;
}

bool Cache::restore(const std::string& buildpack, const std::string& layer,
                    const fs::path& target) {
  const auto it = entries_.find({buildpack, layer});
  if (it == entries_.end()) return false;
  Entry& entry = it->second;
  const fs::path content = root_ / "layers" / entry.directory;
  try {
    if (fingerprint(content) != entry.fingerprint)
      throw Error(Code::data_loss, "it was changed after it was stored");
    if (entry.record.launch) {
      copy_tree(content, target);
      entry.restored = fingerprint(target);
    } else {
      fs::create_directory_symlink(content, target);
    }
    return true;
  } catch (const Error& e) {
    std::printf("The cached layer %s of %s is thrown away: %s\n", layer.c_str(), buildpack.c_str(),
                e.what());
    if (is_real_directory(target)) remove_tree(target);
    entries_.erase(it);
    return false;
  }
}

bool Cache::is_untouched(const std::string& buildpack, const Layer& layer) const {
  const auto it = entries_.find({buildpack, layer.name});
  return it != entries_.end() && !it->second.restored.empty() &&
         it->second.restored == fingerprint(layer.content);
}

Cache::Entry Cache::store(const Item& item) {
  Entry entry;
  const auto old = entries_.find({item.buildpack, item.layer->name});
  const bool linked =
      old != entries_.end() &&
      item.layer->content == fs::canonical(root_ / "layers" / old->second.directory);
  if (linked || is_untouched(item.buildpack, *item.layer)) {
    entry.directory = old->second.directory;
  } else {
    entry.directory = fmt::format("{}", next_++);
    remove_tree(root_ / "layers" / entry.directory);
    copy_tree(item.layer->content, root_ / "layers" / entry.directory);
  }
  entry.fingerprint = fingerprint(root_ / "layers" / entry.directory);
  entry.record = {item.sha, item.layer->metadata, item.layer->launch, item.layer->build, true};
  return entry;
}

void Cache::commit(const std::vector<Item>& items) {
  if (root_.empty()) return;
  try {
    std::map<Key, Entry> fresh;
    json::array layers;
    for (const auto& item : items) {
      Entry entry = store(item);
      layers.push_back(json::object{{"buildpack", item.buildpack},
                                    {"layer", item.layer->name},
                                    {"directory", entry.directory},
                                    {"fingerprint", entry.fingerprint},
                                    {"sha", entry.record.sha},
                                    {"launch", entry.record.launch},
                                    {"build", entry.record.build},
                                    {"data", entry.record.data}});
      fresh.emplace(Key{item.buildpack, item.layer->name}, std::move(entry));
    }
    replace_file(
        root_ / "nuri-cache.json",
        json::serialize(json::object{{"format", kFormat}, {"next", next_}, {"layers", layers}}));
    entries_ = std::move(fresh);
    sweep();
  } catch (const std::exception& e) {
    // The image is good; only the next build will be slower.
    throw_away(e.what());
  }
}

}  // namespace nuri::lifecycle
