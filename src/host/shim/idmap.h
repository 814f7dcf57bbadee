#pragma once

// Idmapped mounts (mount_setattr(2), Linux 5.19 for overlay's layers): files owned by the store
// range appear owned by the instance's range. Needs root.

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>

#include "base/fd.h"
#include "host/shim/result.h"
#include "host/shim/spec.h"

namespace nuri::shim {

// A user namespace that maps store_base -> instance_base: what a mapped mount is given. Waits for
// the helper process that made it when destroyed.
struct IdNamespace {
  IdNamespace(Fd file, pid_t process) : fd(std::move(file)), helper(process) {}
  IdNamespace(IdNamespace&& other) noexcept
      : fd(std::move(other.fd)), helper(std::exchange(other.helper, -1)) {}
  ~IdNamespace();

  Fd fd;
  pid_t helper;
};
Result<IdNamespace> make_id_namespace(const IdMap& ids);

// A detached copy of the mount at `path` (of that mount only, not of what is mounted below), mapped
// by `id_namespace` unless that is -1, never with set-user-id or devices. For attach().
Result<Fd> detached_tree(const std::string& path, int id_namespace, Access access);

// Mounts `tree` on the directory or file that `target` (an O_PATH descriptor) is. `name` for
// errors.
Result<> attach(int tree, int target, std::string_view name);

}  // namespace nuri::shim
