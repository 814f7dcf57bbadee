#pragma once

// The root file system of an instance, in the shim's own mount namespace: idmapped layers, the
// instance's disk, an overlay of both on DIR/rootfs, and the mounts of the spec. Needs root, single
// thread; changes the working directory to DIR/m and back to /.

#include <string>

#include "base/fd.h"
#include "host/shim/result.h"
#include "host/shim/spec.h"

namespace nuri::shim {

// Makes this process's mounts its own: what the host mounts and unmounts still arrives, nothing
// leaves.
Result<> own_mount_namespace();

// Builds all of it. Returns a descriptor on the instance's disk, for its use (fstatfs).
Result<Fd> build_root(const std::string& dir, const ShimSpec& spec);

// crun 1.8 refuses a machine with version 1 controllers and a cgroup2 mount beside them: take that
// mount out of this namespace. Open descriptors below it go on working.
Result<> hide_hybrid_cgroup();

}  // namespace nuri::shim
