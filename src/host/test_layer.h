#pragma once

// For tests: layer archives made in memory.

#include <archive.h>
#include <archive_entry.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace nuri::host {

enum class Compression { none, gzip, zstd };

class TestLayer {
 public:
  explicit TestLayer(Compression compression = Compression::none)
      : archive_(::archive_write_new()) {
    ::archive_write_set_format_pax(archive_);
    if (compression == Compression::gzip) ::archive_write_add_filter_gzip(archive_);
    if (compression == Compression::zstd) ::archive_write_add_filter_zstd(archive_);
    ::archive_write_set_bytes_in_last_block(archive_, 1);
    open();
  }
  ~TestLayer() { ::archive_write_free(archive_); }
  TestLayer(const TestLayer&) = delete;
  TestLayer& operator=(const TestLayer&) = delete;

  TestLayer& dir(const std::string& path, int mode = 0755, int owner = 0) {
    return add(path, AE_IFDIR, mode, owner, "");
  }
  TestLayer& file(const std::string& path, const std::string& content, int mode = 0644,
                  int owner = 0, std::vector<std::pair<std::string, std::string>> xattrs = {}) {
    return add(path, AE_IFREG, mode, owner, content, std::move(xattrs));
  }
  TestLayer& link(const std::string& path, const std::string& target) {
    archive_entry* e = entry(path, AE_IFLNK, 0777, 0);
    ::archive_entry_set_symlink(e, target.c_str());
    return put(e, "");
  }
  TestLayer& hard_link(const std::string& path, const std::string& target) {
    archive_entry* e = entry(path, AE_IFREG, 0644, 0);
    ::archive_entry_set_hardlink(e, target.c_str());
    return put(e, "");
  }
  TestLayer& device(const std::string& path) {
    archive_entry* e = entry(path, AE_IFCHR, 0666, 0);
    ::archive_entry_set_rdev(e, (1 << 8) | 3);
    return put(e, "");
  }
  std::string finish() {
    ::archive_write_close(archive_);
    return space_.substr(0, used_);
  }

 private:
  void open() {
    space_.resize(64u << 20);
    if (::archive_write_open_memory(archive_, space_.data(), space_.size(), &used_) != ARCHIVE_OK)
      std::abort();
  }
  static archive_entry* entry(const std::string& path, unsigned type, int mode, int owner) {
    archive_entry* e = ::archive_entry_new();
    ::archive_entry_set_pathname(e, path.c_str());
    ::archive_entry_set_filetype(e, type);
    ::archive_entry_set_perm(e, static_cast<mode_t>(mode));
    ::archive_entry_set_uid(e, owner);
    ::archive_entry_set_gid(e, owner);
    ::archive_entry_set_mtime(e, 315'532'801, 0);
    return e;
  }
  TestLayer& add(const std::string& path, unsigned type, int mode, int owner,
                 const std::string& content,
                 std::vector<std::pair<std::string, std::string>> xattrs = {}) {
    archive_entry* e = entry(path, type, mode, owner);
    for (const auto& [name, value] : xattrs)
      ::archive_entry_xattr_add_entry(e, name.c_str(), value.data(), value.size());
    ::archive_entry_set_size(e, static_cast<la_int64_t>(content.size()));
    return put(e, content);
  }
  TestLayer& put(archive_entry* e, const std::string& content) {
    if (::archive_write_header(archive_, e) < ARCHIVE_WARN) std::abort();
    if (!content.empty()) ::archive_write_data(archive_, content.data(), content.size());
    ::archive_entry_free(e);
    return *this;
  }

  archive* archive_;
  std::string space_;
  std::size_t used_ = 0;
};

}  // namespace nuri::host
