#include "cli/hash_cache.h"

#include <fmt/format.h>

#include <chrono>
#include <ctime>
#include <filesystem>

#include "base/error.h"
#include "cli/config.h"

namespace nuri::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "nuri-hashes 1\n";
constexpr std::size_t kCacheBytes = 256 * limits::kMiB;
constexpr std::int64_t kSettledNs = 2'000'000'000;
constexpr auto kKept = std::chrono::hours(24 * 30);

std::int64_t ns_of(const timespec& time) { return time.tv_sec * 1'000'000'000L + time.tv_nsec; }

std::string key_of(const struct ::stat& a) {
  return fmt::format("{}.{}.{}.{}.{}", a.st_dev, a.st_ino, a.st_size, ns_of(a.st_mtim),
                     ns_of(a.st_ctim));
}

bool settled(const struct ::stat& a) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return std::max(ns_of(a.st_mtim), ns_of(a.st_ctim)) < ns_of(now) - kSettledNs;
}

}  // namespace

HashCache::HashCache(std::string folder, const std::string& root, const std::atomic<bool>& stop)
    : folder_(std::move(folder)), stop_(stop) {
  if (folder_.empty()) return;
  folder_ += "/cache";
  path_ = fmt::format("{}/hashes-{}", folder_, Digest::of(root).hex().substr(0, 32));
  load();
}

// One line a file: KEY SHA256 SHA1 PATH.
void HashCache::load() {
  std::string text;
  try {
    text = read_small_file(path_, kCacheBytes);
  } catch (const Error&) {
    return;
  }
  std::string_view rest = text;
  if (!rest.starts_with(kMagic)) return;
  rest.remove_prefix(kMagic.size());
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const std::size_t key_end = line.find(' ');
    if (key_end == line.npos || line.size() < key_end + 1 + 64 + 1 + 40 + 2) continue;
    const std::string_view hashes = line.substr(key_end + 1);
    before_[std::string(hashes.substr(106))] = {std::string(line.substr(0, key_end)),
                                                std::string(hashes.substr(0, 64)),
                                                std::string(hashes.substr(65, 40))};
  }
}

bool HashCache::find(const struct ::stat& attributes, image::PackageFile& file) {
  if (stop_) throw Error(Code::cancelled, "reading the app's files");
  const auto found = before_.find(file.path);
  if (found == before_.end() || found->second.key != key_of(attributes)) return false;
  const auto digest = Digest::parse("sha256:" + found->second.sha256);
  if (!digest) return false;
  file.size = static_cast<std::uint64_t>(attributes.st_size);
  file.sha256 = *digest;
  file.sha1 = found->second.sha1;
  now_.insert(*found);
  ++hits_;
  return true;
}

void HashCache::learn(const struct ::stat& attributes, const image::PackageFile& file) {
  if (path_.empty() || !settled(attributes) || file.path.find('\n') != file.path.npos ||
      file.size != static_cast<std::uint64_t>(attributes.st_size))
    return;
  now_[file.path] = {key_of(attributes), file.sha256.hex(), file.sha1};
}

void HashCache::save() const {
  if (path_.empty()) return;
  std::error_code ignored;
  fs::create_directories(folder_, ignored);
  std::string text(kMagic);
  for (const auto& [path, entry] : now_)
    text += fmt::format("{} {} {} {}\n", entry.key, entry.sha256, entry.sha1, path);
  if (text.size() > kCacheBytes || hits_ == now_.size()) {
    fs::last_write_time(path_, fs::file_time_type::clock::now(), ignored);
    return;
  }
  replace_file(path_, text);
  remove_old();
}

void HashCache::remove_old() const {
  std::error_code failure;
  for (fs::directory_iterator it(folder_, failure), end; !failure && it != end;
       it.increment(failure)) {
    std::error_code ignored;
    const auto used = fs::last_write_time(it->path(), ignored);
    if (!ignored && used < fs::file_time_type::clock::now() - kKept)
      fs::remove(it->path(), ignored);
  }
}

}  // namespace nuri::cli
