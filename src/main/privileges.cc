#include "main/privileges.h"

#include <errno.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/error.h"

namespace nuri {

void become(const std::string& user) {
  errno = 0;
  const passwd* entry = ::getpwnam(user.c_str());
  if (!entry)
    throw Error(Code::not_found,
                fmt::format("there is no user '{}' on this machine: run tools/setup", user));
  if (::geteuid() == entry->pw_uid) return;
  if (::initgroups(user.c_str(), entry->pw_gid) != 0 ||
      ::setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) != 0 ||
      ::setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid) != 0)
    throw system_error(fmt::format("become the user '{}'", user), errno);
  NURI_ASSERT(::setuid(0) != 0);
  // Dropping privileges clears this; without it a crash leaves no core and /proc/self is root's.
  ::prctl(PR_SET_DUMPABLE, 1);
}

}  // namespace nuri
