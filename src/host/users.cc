#include <grp.h>
#include <pwd.h>

#include "base/error.h"
#include "host/host_settings.h"

namespace nuri::host {

HostUsers find_users() {
  HostUsers users;
  std::string missing;
  const auto user = [&](const char* name, std::uint32_t& uid, std::uint32_t& gid) {
    if (const passwd* p = ::getpwnam(name)) {
      uid = p->pw_uid;
      gid = p->pw_gid;
    } else {
      missing += std::string(missing.empty() ? "" : ", ") + "user " + name;
    }
  };
  user("nuri", users.server_uid, users.server_gid);
  user("nuri-router", users.router_uid, users.router_gid);
  user("nuri-shim", users.shim_uid, users.shim_gid);
  if (const group* g = ::getgrnam("nuri-logs"))
    users.logs_gid = g->gr_gid;
  else
    missing += std::string(missing.empty() ? "" : ", ") + "group nuri-logs";
  if (!missing.empty())
    throw Error(Code::unavailable,
                "this machine lacks the " + missing + ": run tools/setup, or make up");
  return users;
}

}  // namespace nuri::host
