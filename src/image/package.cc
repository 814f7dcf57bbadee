#include "image/package.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <unordered_set>

#include "base/json.h"

namespace nuri::image {
namespace {

constexpr std::size_t kPackageJsonBytes = 64 * limits::kMiB;

bool is_utf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xc2 ? 0
                               : lead < 0xe0 ? 2
                               : lead < 0xf0 ? 3
                               : lead < 0xf5 ? 4
                                             : 0;
    if (length == 0 || i + length > text.size()) return false;
    for (std::size_t k = 1; k < length; ++k)
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return false;
    if (length > 2) {
      const auto second = static_cast<unsigned char>(text[i + 1]);
      const bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
      const bool surrogate = lead == 0xed && second > 0x9f;
      if (overlong || surrogate || (lead == 0xf4 && second > 0x8f)) return false;
    }
    i += length;
  }
  return true;
}

[[noreturn]] void refuse(std::string why) { throw Error(Code::unprocessable, std::move(why)); }

void check_file(PackageFile& file, const PackageLimits& limits) {
  if (std::string problem = path_problem(file.path); !problem.empty()) refuse(std::move(problem));
  if (file.kind == FileKind::symlink) {
    if (std::string problem = link_problem(file.path, file.target); !problem.empty())
      refuse(std::move(problem));
    file.mode = 0777;
  } else {
    if (file.mode > 07777) refuse(fmt::format("'{}' has mode {:o}", file.path, file.mode));
    file.mode = (file.mode & 0755) | (file.kind == FileKind::directory ? 0700 : 0400);
  }
  if (file.kind == FileKind::file) {
    if (file.sha256.empty()) refuse(fmt::format("'{}' has no digest", file.path));
    if (file.size > limits.file_bytes)
      throw Error(Code::too_large,
                  fmt::format("'{}' has {} bytes; the limit for one file is {}; leave it out with "
                              ".nuriignore or keep it outside the app",
                              file.path, file.size, limits.file_bytes));
  } else if (file.size != 0 || !file.sha256.empty()) {
    refuse(fmt::format("'{}' is no file but has contents", file.path));
  }
}

// Every folder above `path`, nearest first.
template <class Each>
void for_each_parent(std::string_view path, Each each) {
  for (std::size_t slash = path.rfind('/'); slash != std::string_view::npos;
       slash = path.rfind('/', slash - 1)) {
    each(path.substr(0, slash));
    if (slash == 0) return;
  }
}

void check_conflicts(const std::vector<PackageFile>& files) {
  std::unordered_set<std::string_view> leaves;
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (i > 0 && files[i].path == files[i - 1].path)
      refuse(fmt::format("'{}' is in the package twice", files[i].path));
    if (files[i].kind != FileKind::directory) leaves.insert(files[i].path);
  }
  for (const PackageFile& file : files)
    for_each_parent(file.path, [&](std::string_view parent) {
      if (leaves.contains(parent))
        refuse(fmt::format("'{}' lies below '{}', which is no folder", file.path, parent));
    });
}

void drop_needless_folders(std::vector<PackageFile>& files) {
  std::unordered_set<std::string> made;
  for (const PackageFile& file : files)
    for_each_parent(file.path, [&](std::string_view parent) { made.emplace(parent); });
  std::erase_if(files, [&](const PackageFile& f) {
    return f.kind == FileKind::directory && made.contains(f.path);
  });
  const auto same_folder = [](const PackageFile& a, const PackageFile& b) {
    return a.path == b.path && a.kind == FileKind::directory && b.kind == FileKind::directory;
  };
  files.erase(std::unique(files.begin(), files.end(), same_folder), files.end());
}

}  // namespace

std::uint64_t Package::total_bytes() const {
  std::uint64_t total = 0;
  for (const PackageFile& file : files) total += file.size;
  return total;
}

std::string path_problem(std::string_view path) {
  if (path.empty()) return "an entry has no name";
  if (path.size() > limits::kPathBytes)
    return fmt::format("the path '{}…' is longer than {} bytes", path.substr(0, 60),
                       limits::kPathBytes);
  if (path.find('\0') != std::string_view::npos) return "a path has a NUL byte in it";
  if (!is_utf8(path))
    return fmt::format("the path '{}' is not UTF-8; rename the file",
                       json::serialize(json::value(path)));
  if (path.front() == '/') return fmt::format("'{}' is an absolute path", path);
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view name = path.substr(begin, end - begin);
    if (name == "..") return fmt::format("'{}' leaves the package", path);
    if (name.empty() || name == ".") return fmt::format("'{}' has an empty name in it", path);
    if (name.size() > 255)
      return fmt::format("'{}…' has a name longer than 255 bytes in it", path.substr(0, 60));
    begin = end + 1;
  }
  return {};
}

std::string link_problem(std::string_view path, std::string_view target) {
  if (target.empty() || target.size() > limits::kPathBytes ||
      target.find('\0') != std::string_view::npos || !is_utf8(target))
    return fmt::format("the link '{}' has a target that cannot be", path);
  if (target.front() == '/')
    return fmt::format(
        "the link '{}' points to '{}', outside the app; make it relative or copy the file", path,
        target);
  auto depth = std::ranges::count(path, '/');
  for (std::size_t begin = 0; begin <= target.size();) {
    const std::size_t end = std::min(target.find('/', begin), target.size());
    const std::string_view name = target.substr(begin, end - begin);
    if (name == "..")
      --depth;
    else if (!name.empty() && name != ".")
      ++depth;
    if (depth < 0)
      return fmt::format("the link '{}' points to '{}', outside the app; copy the file instead",
                         path, target);
    begin = end + 1;
  }
  return {};
}

void normalise(Package& package, const PackageLimits& limits) {
  std::vector<PackageFile>& files = package.files;
  if (files.size() > limits.files)
    throw Error(Code::too_large,
                fmt::format("the package has {} entries; the limit is {}; leave out what the build "
                            "makes anew with .nuriignore",
                            files.size(), limits.files));
  for (PackageFile& file : files) check_file(file, limits);
  if (const std::uint64_t total = package.total_bytes(); total > limits.total_bytes)
    throw Error(Code::too_large, fmt::format("the package unpacks to {} bytes; the limit is {}",
                                             total, limits.total_bytes));
  std::ranges::sort(files, [](const PackageFile& a, const PackageFile& b) {
    return std::tie(a.path, a.kind, a.mode) < std::tie(b.path, b.kind, b.mode);
  });
  drop_needless_folders(files);
  check_conflicts(files);
}

Package merge(Package uploaded, std::vector<PackageFile> matched, const PackageLimits& limits) {
  std::unordered_set<std::string> have;
  for (const PackageFile& file : uploaded.files) have.insert(file.path);
  for (PackageFile& file : matched)
    if (!have.contains(file.path)) uploaded.files.push_back(std::move(file));
  normalise(uploaded, limits);
  return uploaded;
}

std::string serialise_package(const Package& package) {
  std::string out = R"({"files":[)";
  for (const PackageFile& file : package.files) {
    if (out.back() == '}') out += ',';
    const std::string path = json::serialize(json::value(file.path));
    switch (file.kind) {
      case FileKind::file:
        out += fmt::format(R"({{"mode":"{:04o}","path":{},"sha256":"{}","size":{}}})", file.mode,
                           path, file.sha256.hex(), file.size);
        break;
      case FileKind::symlink:
        out += fmt::format(R"({{"path":{},"target":{}}})", path,
                           json::serialize(json::value(file.target)));
        break;
      case FileKind::directory:
        out += fmt::format(R"({{"mode":"{:04o}","path":{}}})", file.mode, path);
        break;
    }
  }
  out += R"(],"version":1})";
  if (out.size() > kPackageJsonBytes)
    throw Error(Code::too_large,
                fmt::format("the list of the package's files has {} bytes; the limit is {}",
                            out.size(), kPackageJsonBytes));
  return out;
}

namespace {

unsigned parse_mode(const json::object& o, std::string_view path) {
  const std::string text = json::require_string(o, "mode");
  if (text.size() != 4 || text.find_first_not_of("01234567") != std::string::npos)
    refuse(fmt::format("'{}' has mode '{}'", path, text));
  return static_cast<unsigned>(std::stoul(text, nullptr, 8));
}

PackageFile parse_file(const json::object& o) {
  PackageFile file;
  file.path = json::require_string(o, "path");
  if (o.contains("target")) {
    file.kind = FileKind::symlink;
    file.target = json::require_string(o, "target");
    return file;
  }
  file.mode = parse_mode(o, file.path);
  if (!o.contains("sha256")) {
    file.kind = FileKind::directory;
    return file;
  }
  const auto digest = Digest::parse("sha256:" + json::require_string(o, "sha256"));
  const std::int64_t size = json::require_int(o, "size");
  if (!digest || size < 0) refuse(fmt::format("'{}' has no valid digest and size", file.path));
  file.sha256 = *digest;
  file.size = static_cast<std::uint64_t>(size);
  return file;
}

}  // namespace

Package parse_package(std::string_view text, const PackageLimits& limits) {
  const json::object top = json::parse_object(text, kPackageJsonBytes);
  if (const std::int64_t version = json::require_int(top, "version"); version != 1)
    refuse(fmt::format("the package is of version {}; this Nuri knows 1", version));
  Package package;
  for (const json::value& v : json::require_array(top, "files")) {
    if (!v.is_object()) refuse("an entry of the package is no object");
    package.files.push_back(parse_file(v.get_object()));
  }
  normalise(package, limits);
  return package;
}

Package load_package(const BlobStore& blobs, const Digest& digest) {
  try {
    return parse_package(blobs.read(digest, kPackageJsonBytes));
  } catch (const Error& e) {
    throw e.within(fmt::format("reading package {}", digest.str()));
  }
}

std::vector<Digest> blobs_of_package(const BlobStore& blobs, const Digest& digest) {
  std::vector<Digest> all{digest};
  if (!blobs.exists(digest)) return all;
  for (const PackageFile& file : load_package(blobs, digest).files)
    if (!file.sha256.empty()) all.push_back(file.sha256);
  return all;
}

}  // namespace nuri::image
