#pragma once

// For tests: a folder that goes away with its owner, and a small real disk to fill.

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "base/error.h"
#include "image/test_program.h"

namespace nuri::image {

class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "nuri-image-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw system_error("making a scratch folder", errno);
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

  std::filesystem::path write(std::string_view name, std::string_view bytes,
                              unsigned mode = 0644) const {
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << bytes;
    ::chmod(file.c_str(), mode);
    return file;
  }

 private:
  std::filesystem::path path_;
};

// An ext4 of `mib` MiB on a loop device, mounted in a mount namespace of this process: it goes away
// with the process, however that ends. Needs root.
class SmallDisk {
 public:
  explicit SmallDisk(int mib) {
    const std::string image = (folder_ / "disk.img").string(), at = (folder_ / "mnt").string();
    std::filesystem::create_directory(at);
    run_program({"truncate", "-s", std::to_string(mib) + "M", image});
    run_program({"mkfs.ext4", "-q", "-m", "0", image});
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      throw system_error("making a mount namespace for a test", errno);
    run_program({"mount", "-o", "loop", image, at});
    at_ = at;
  }
  ~SmallDisk() { ::umount2(at_.c_str(), MNT_DETACH); }
  const std::filesystem::path& path() const { return at_; }

 private:
  ScratchFolder folder_;
  std::filesystem::path at_;
};

}  // namespace nuri::image
