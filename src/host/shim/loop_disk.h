#pragma once

// ext4 images on loop devices. The device goes when its last mount goes (autoclear). Needs root.

#include <string>

#include "base/fd.h"
#include "host/shim/result.h"
#include "host/shim/spec.h"

namespace nuri::shim {

// Mounts `image` on the existing directory `target`, without set-user-id and devices.
Result<> mount_disk(const std::string& image, const std::string& target, Access access);

}  // namespace nuri::shim
