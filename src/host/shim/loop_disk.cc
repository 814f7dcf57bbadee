#include "host/shim/loop_disk.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

#include <cerrno>

namespace nuri::shim {
namespace {

constexpr int kTries = 64;  // another process may take the free device first

Result<std::pair<Fd, std::string>> attach_image(const std::string& image, Access access) {
  int mode = access == Access::read_only ? O_RDONLY : O_RDWR;
  Fd file(::open(image.c_str(), mode | O_CLOEXEC | O_NOFOLLOW));
  if (!file) return failure("cannot open the disk image " + image, errno);
  Fd control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  if (!control) return failure("cannot open /dev/loop-control", errno);
  struct loop_config config{};
  config.fd = static_cast<__u32>(file.get());
  config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
  if (access == Access::read_only) config.info.lo_flags |= LO_FLAGS_READ_ONLY;
  for (int i = 0; i < kTries; ++i) {
    int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) return failure("cannot get a free loop device", errno);
    std::string path = "/dev/loop" + std::to_string(number);
    Fd device(::open(path.c_str(), mode | O_CLOEXEC));
    if (device && ::ioctl(device.get(), LOOP_CONFIGURE, &config) == 0) {
      return std::pair(std::move(device), std::move(path));
    }
    if (errno != EBUSY && errno != ENXIO && errno != ENOENT) {
      return failure("cannot attach " + image + " to " + path, errno);
    }
  }
  return failure("cannot attach " + image + " to a loop device", EBUSY);
}

}  // namespace

Result<> mount_disk(const std::string& image, const std::string& target, Access access) {
  auto attached = attach_image(image, access);
  if (!attached) return std::unexpected(attached.error());
  unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOATIME;
  if (access == Access::read_only) flags |= MS_RDONLY;
  // discard: what the instance deletes makes room in the sparse image.
  const char* options = access == Access::read_only ? "" : "discard";
  if (::mount(attached->second.c_str(), target.c_str(), "ext4", flags, options) != 0) {
    return failure("cannot mount the disk image " + image, errno);
  }
  return {};
}

}  // namespace nuri::shim
