#include "host/shim/drop.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace nuri::shim {
namespace {

bool has_capability() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2] = {};
  if (::syscall(SYS_capget, &header, sets) != 0) return true;
  for (const auto& set : sets) {
    if ((set.effective | set.permitted | set.inheritable) != 0) return true;
  }
  return false;
}

bool is_user(const Owners& owners) {
  uid_t real = 0, effective = 0, saved = 0;
  gid_t real_group = 0, effective_group = 0, saved_group = 0;
  ::getresuid(&real, &effective, &saved);
  ::getresgid(&real_group, &effective_group, &saved_group);
  return real == owners.shim_uid && effective == real && saved == real &&
         real_group == owners.shim_gid && effective_group == real_group &&
         saved_group == real_group;
}

}  // namespace

Result<> drop_root(const Owners& owners) {
  if (owners.shim_uid == 0 || owners.shim_gid == 0) return std::unexpected("no user to become");
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) {
      return failure("cannot give up capabilities", errno);
    }
  }
  if (::setgroups(owners.shim_groups.size(), owners.shim_groups.data()) != 0 ||
      ::setresgid(owners.shim_gid, owners.shim_gid, owners.shim_gid) != 0 ||
      ::setresuid(owners.shim_uid, owners.shim_uid, owners.shim_uid) != 0) {
    return failure("cannot become the user nuri-shim", errno);
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_DUMPABLE, 0) != 0) {
    return failure("cannot give up new privileges", errno);
  }
  if (!is_user(owners) || has_capability() || ::setuid(0) == 0 || ::setgid(0) == 0) {
    return std::unexpected("giving up root did not work: this process still has a way back");
  }
  return {};
}

}  // namespace nuri::shim
