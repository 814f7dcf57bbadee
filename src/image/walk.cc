#include "image/walk.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "image/durable_file.h"
#include "image/ignore.h"

namespace nuri::image {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void unreadable(const fs::path& path, int err) {
  throw Error(Code::unprocessable,
              fmt::format("reading {}: {}; make it readable or list it in .nuriignore",
                          path.string(), std::strerror(err)));
}

class Walker {
 public:
  Walker(const fs::path& root, const PackageLimits& limits, KnownHashes* known)
      : root_(root), limits_(limits), known_(known) {}

  Walk run() {
    std::error_code ignored;
    if (!fs::is_directory(root_, ignored))
      throw Error(Code::not_found, fmt::format("there is no folder {}", root_.string()));
    rules_.add(default_ignores());
    for (const char* name : {".nuriignore", ".cfignore"})
      if (is_there(root_ / name)) {
        rules_.add(read_rules(root_ / name));
        walk_.ignored_by = name;
        break;
      }
    use_gitignore_ = walk_.ignored_by.empty();
    visit("");
    normalise(walk_.package, limits_);
    return std::move(walk_);
  }

 private:
  static bool is_there(const fs::path& path) {
    std::error_code ignored;
    return fs::is_regular_file(path, ignored);
  }
  static std::string read_rules(const fs::path& path) {
    return read_file(path, limits::kManifestBytes);
  }

  // `folder` relative to the root, "" for the root. Recursion is as deep as limits::kPathBytes
  // allows.
  void visit(const std::string& folder) {
    if (use_gitignore_ && is_there(root_ / folder / ".gitignore")) {
      rules_.add(read_rules(root_ / folder / ".gitignore"), folder);
      walk_.ignored_by = ".gitignore";
    }
    std::error_code failure;
    std::vector<std::string> names;
    for (fs::directory_iterator it(root_ / folder, failure), end; !failure && it != end;
         it.increment(failure))
      names.push_back(it->path().filename().string());
    if (failure) unreadable(root_ / folder, failure.value());
    std::ranges::sort(names);
    for (const std::string& name : names) add(folder.empty() ? name : folder + "/" + name);
  }

  void add(std::string path) {
    struct stat st;
    if (::lstat((root_ / path).c_str(), &st) != 0) unreadable(root_ / path, errno);
    if (rules_.ignores(path, S_ISDIR(st.st_mode) ? EntryKind::folder : EntryKind::file)) return;
    if (std::string problem = path_problem(path); !problem.empty())
      throw Error(Code::unprocessable, problem);
    if (walk_.package.files.size() >= limits_.files)
      throw Error(Code::too_large,
                  fmt::format("{} has more than {} files; leave out what the build makes anew with "
                              ".nuriignore",
                              root_.string(), limits_.files));
    PackageFile file;
    file.path = path;
    file.mode = st.st_mode & 0777;
    if (S_ISDIR(st.st_mode)) {
      file.kind = FileKind::directory;
    } else if (S_ISLNK(st.st_mode)) {
      file.kind = FileKind::symlink;
      std::error_code failure;
      file.target = fs::read_symlink(root_ / path, failure).string();
      if (failure) unreadable(root_ / path, failure.value());
    } else if (S_ISREG(st.st_mode)) {
      if (known_ && known_->find(st, file)) {
        total_ += file.size;
        if (total_ > limits_.total_bytes) too_large(file);
      } else {
        hash(file, static_cast<std::uint64_t>(st.st_size));
        if (known_) known_->learn(st, file);
      }
    } else {
      walk_.skipped.push_back(std::move(path));
      return;
    }
    const bool is_folder = file.kind == FileKind::directory;
    walk_.package.files.push_back(std::move(file));
    if (is_folder) visit(path);
  }

  void hash(PackageFile& file, std::uint64_t size) {
    if (size > limits_.file_bytes || total_ + size > limits_.total_bytes) {
      file.size = size;
      too_large(file);
    }
    const Fd fd(::open((root_ / file.path).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) unreadable(root_ / file.path, errno);
    Hasher sha256, sha1(Hasher::Kind::sha1);
    std::array<char, 64 * limits::kKiB> buffer;
    for (;;) {
      const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) unreadable(root_ / file.path, errno);
      if (n == 0) break;
      const std::string_view bytes(buffer.data(), static_cast<std::size_t>(n));
      sha256.update(bytes);
      sha1.update(bytes);
      file.size += bytes.size();
      total_ += bytes.size();
      if (file.size > limits_.file_bytes || total_ > limits_.total_bytes) too_large(file);
    }
    file.sha256 = sha256.finish();
    file.sha1 = sha1.finish_hex();
  }

  [[noreturn]] void too_large(const PackageFile& file) const {
    if (file.size > limits_.file_bytes)
      throw Error(
          Code::too_large,
          fmt::format("{} has {} bytes; the limit for one file is {}; list it in .nuriignore",
                      (root_ / file.path).string(), file.size, limits_.file_bytes));
    throw Error(Code::too_large,
                fmt::format("{} has more than {} bytes, the limit of a package; list what the app "
                            "does not need in .nuriignore",
                            root_.string(), limits_.total_bytes));
  }

  const fs::path root_;
  const PackageLimits& limits_;
  KnownHashes* known_;
  IgnoreRules rules_;
  bool use_gitignore_ = false;
  std::uint64_t total_ = 0;
  Walk walk_;
};

}  // namespace

Walk walk_source(const fs::path& root, const PackageLimits& limits, KnownHashes* known) {
  return Walker(root, limits, known).run();
}

}  // namespace nuri::image
