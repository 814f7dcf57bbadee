#include "host/shim/idmap.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace nuri::shim {
namespace {

Result<> write_map(const std::string& path, const std::string& line) {
  Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file || ::write(file.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    return failure("cannot write " + path, errno);
  }
  return {};
}

Result<Fd> map_and_open(pid_t child, const IdMap& ids) {
  std::string process = "/proc/" + std::to_string(child);
  std::string line = std::to_string(ids.store_base) + " " + std::to_string(ids.instance_base) +
                     " " + std::to_string(ids.size) + "\n";
  if (auto done = write_map(process + "/uid_map", line); !done)
    return std::unexpected(done.error());
  if (auto done = write_map(process + "/gid_map", line); !done)
    return std::unexpected(done.error());
  Fd ns(::open((process + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC));
  if (!ns) return failure("cannot open the user namespace of the id map", errno);
  return ns;
}

}  // namespace

Result<IdNamespace> make_id_namespace(const IdMap& ids) {
  // The child only keeps the namespace alive until it is open here; no library code runs in it.
  auto child = static_cast<pid_t>(::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
  if (child == 0) {
    ::syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    for (;;) ::syscall(SYS_pause);
  }
  if (child < 0) return failure("cannot make a user namespace for the id map", errno);
  Result<Fd> ns = map_and_open(child, ids);
  ::kill(child,
         SIGKILL);  // reaped with the object: to wait here would cost a turn of the scheduler
  if (!ns) return std::unexpected(ns.error());
  return IdNamespace{std::move(*ns), child};
}

IdNamespace::~IdNamespace() {
  if (helper <= 0) return;
  while (::waitpid(helper, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Result<Fd> detached_tree(const std::string& path, int id_namespace, Access access) {
  Fd tree(::open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!tree) return failure("cannot open " + path, errno);
  struct mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  if (access == Access::read_only) attributes.attr_set |= MOUNT_ATTR_RDONLY;
  if (id_namespace >= 0) {
    attributes.attr_set |= MOUNT_ATTR_IDMAP;
    attributes.userns_fd = static_cast<__u64>(id_namespace);
  }
  attributes.propagation = MS_PRIVATE;
  if (::mount_setattr(tree.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0) {
    return failure("cannot map the owners of " + path + " (Linux 5.19 or newer is needed)", errno);
  }
  return tree;
}

Result<> attach(int tree, int target, std::string_view name) {
  if (::move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0) {
    return failure("cannot mount on " + std::string(name), errno);
  }
  return {};
}

}  // namespace nuri::shim
