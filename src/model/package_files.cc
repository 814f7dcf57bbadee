#include "model/package_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "base/error.h"
#include "base/json.h"
#include "base/limits.h"
#include "model/text.h"

namespace nuri::model {
namespace {

constexpr std::int64_t kVersion = 1;
constexpr std::size_t kTextBytes = 512 * limits::kMiB;  // of a list with limits::kUploadFiles

[[noreturn]] void refuse(std::string_view path, std::string_view why) {
  throw Error(Code::unprocessable, fmt::format("file '{}': {}", printable(path), why));
}

// Each directory that `path` lies in, outermost first.
template <class Visit>
void for_each_parent(std::string_view path, Visit&& visit) {
  for (auto slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/', slash + 1))
    visit(path.substr(0, slash));
}

}  // namespace

std::int64_t PackageFiles::total_bytes() const {
  std::int64_t total = 0;
  for (const PackageFile& file : files) total += file.size;
  return total;
}

bool is_package_path(std::string_view path) {
  if (path.empty() || path.size() > limits::kPathBytes) return false;
  if (!is_plain_utf8(path, Newlines::forbidden)) return false;
  while (true) {
    const auto slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part == "." || part == ".." || part.size() > 255) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

void validate(const PackageFiles& files) {
  if (files.files.size() > limits::kUploadFiles)
    throw Error(Code::too_large, fmt::format("the package has {} files; the limit is {}",
                                             files.files.size(), limits::kUploadFiles));
  std::unordered_set<std::string_view> paths;
  std::uint64_t bytes = 0;
  for (const PackageFile& file : files.files) {
    if (!is_package_path(file.path))
      refuse(file.path,
             "the path must be relative, stay within the package, be UTF-8, and have at "
             "most 1024 bytes");
    if (file.mode < 0 || file.mode > 0777) refuse(file.path, "its mode is not 0000 … 0777");
    if (file.size < 0 || static_cast<std::uint64_t>(file.size) > limits::kFileBytes)
      throw Error(Code::too_large,
                  fmt::format("file '{}' has {} bytes; the limit is {}", printable(file.path),
                              file.size, limits::kFileBytes));
    if (file.digest.empty()) refuse(file.path, "it has no digest");
    if (!paths.insert(file.path).second) refuse(file.path, "it is named twice");
    bytes += static_cast<std::uint64_t>(file.size);
  }
  if (bytes > limits::kUploadBytes)
    throw Error(Code::too_large, fmt::format("the package has {} bytes; the limit is {}", bytes,
                                             limits::kUploadBytes));
  for (const PackageFile& file : files.files)
    for_each_parent(file.path, [&](std::string_view parent) {
      if (paths.contains(parent))
        refuse(file.path,
               fmt::format("'{}' is a file too, so it cannot hold it", printable(parent)));
    });
}

std::string serialize(PackageFiles files) {
  std::ranges::sort(files.files, {}, &PackageFile::path);
  json::array list;
  list.reserve(files.files.size());
  for (const PackageFile& file : files.files)
    list.push_back(json::object{{"path", file.path},
                                {"mode", fmt::format("{:o}", file.mode)},
                                {"size", file.size},
                                {"sha256", file.digest.hex()}});
  return json::serialize(json::object{{"version", kVersion}, {"files", std::move(list)}});
}

PackageFiles parse_package_files(std::string_view text) {
  try {
    const json::object top = json::parse_object(text, kTextBytes);
    if (const auto version = json::require_int(top, "version"); version != kVersion)
      throw Error(Code::data_loss, fmt::format("its version is {}, not {}", version, kVersion));
    PackageFiles out;
    for (const json::value& item : json::require_array(top, "files")) {
      if (!item.is_object()) throw Error(Code::data_loss, "a file is not an object");
      const json::object& entry = item.get_object();
      auto digest = Digest::parse("sha256:" + json::require_string(entry, "sha256"));
      const std::string mode = json::require_string(entry, "mode");
      const bool octal = !mode.empty() && mode.size() <= 3 &&
                         std::ranges::all_of(mode, [](char c) { return c >= '0' && c <= '7'; });
      if (!digest || !octal) throw Error(Code::data_loss, "a file's digest or mode is malformed");
      out.files.push_back({json::require_string(entry, "path"), std::stoi(mode, nullptr, 8),
                           json::require_int(entry, "size"), std::move(*digest)});
    }
    validate(out);
    return out;
  } catch (const Error& error) {
    throw Error(Code::data_loss, "the package's file list cannot be read: " + error.message());
  }
}

}  // namespace nuri::model
