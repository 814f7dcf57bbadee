#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <functional>

#include "base/error.h"
#include "host/cgroup.h"
#include "host/host_main.h"
#include "host/kernel_file.h"
#include "host/network.h"
#include "host/program.h"

namespace nuri::host {
namespace {

using Level = Finding::Level;

Finding kernel() {
  utsname name{};
  ::uname(&name);
  int major = 0, minor = 0;
  std::sscanf(name.release, "%d.%d", &major, &minor);
  const bool good = major > 5 || (major == 5 && minor >= 19);
  return {good ? Level::good : Level::missing, "kernel",
          good ? fmt::format("Linux {}", name.release)
               : fmt::format("Linux {} is too old: overlay on idmapped layers needs 5.19",
                             name.release)};
}

Finding root() {
  const bool good = ::geteuid() == 0;
  return {good ? Level::good : Level::missing, "privilege",
          good ? "root" : "nuri host must run as root"};
}

Finding control_groups() {
  const auto tree = open_cgroups();
  return {Level::good, "control groups", fmt::format("version {}", tree->dirs("x").version)};
}

Finding program(const std::string& path, const char* package, const char* for_what) {
  const bool good = ::access(path.c_str(), X_OK) == 0;
  return {good ? Level::good : Level::missing, path,
          good ? for_what : fmt::format("not there; it {}: install {}", for_what, package)};
}

Finding firewall(const Realm& realm) {
  const std::string obstacle = forwarding_obstacle(realm);
  return {obstacle.empty() ? Level::good : Level::weak, "firewall",
          obstacle.empty() ? "nothing else drops what instances send" : obstacle};
}

Finding device(const char* path, const char* for_what) {
  const bool good = ::access(path, R_OK | W_OK) == 0;
  return {good ? Level::good : Level::missing, path,
          good ? for_what : fmt::format("not there; it is needed for {}", for_what)};
}

Finding user_namespaces() {
  const auto most = parse_number(read_file("/proc/sys/user/max_user_namespaces"));
  const bool good = most.value_or(0) > 100;
  return {good ? Level::good : Level::missing, "user namespaces",
          good ? fmt::format("{} allowed", *most)
               : "user.max_user_namespaces is too low: set it to at least 10000 with sysctl"};
}

Finding open_files() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const bool good = limit.rlim_max >= 65'536;
  return {good ? Level::good : Level::weak, "open files",
          good ? fmt::format("{}", limit.rlim_max)
               : fmt::format("the hard limit is {}: apps get no more than that (65536 wanted); "
                             "raise it with LimitNOFILE=",
                             limit.rlim_max)};
}

Finding users() {
  find_users();
  return {Level::good, "users", "nuri, nuri-router, nuri-shim and group nuri-logs"};
}

}  // namespace

std::vector<Finding> examine_machine(const HostSettings& settings) {
  Realm realm = find_realm(settings.realm).value_or(Realm{});
  realm.name = settings.realm.name;
  struct Check {
    const char* subject;
    std::function<Finding()> look;
  };
  const std::vector<Check> checks{
      {"kernel", kernel},
      {"privilege", root},
      {"users", users},
      {"control groups", control_groups},
      {"user namespaces", user_namespaces},
      {"crun", [&] { return program(settings.crun_program, "crun", "runs sandboxes"); }},
      {"nuri-shim",
       [&] { return program(settings.shim_program, "Nuri again", "watches sandboxes"); }},
      {"nft", [] { return program("/usr/sbin/nft", "nftables", "keeps instances apart"); }},
      {"mkfs", [] { return program("/usr/sbin/mkfs.ext4", "e2fsprogs", "makes disks"); }},
      {"e2fsck", [] { return program("/usr/sbin/e2fsck", "e2fsprogs", "repairs build caches"); }},
      {"loop devices", [] { return device("/dev/loop-control", "instances' disks"); }},
      {"firewall", [&] { return firewall(realm); }},
      {"open files", open_files},
  };
  std::vector<Finding> out;
  for (const Check& check : checks) {
    try {
      out.push_back(check.look());
    } catch (const Error& e) {
      out.push_back({Level::missing, check.subject, e.message()});
    }
  }
  return out;
}

}  // namespace nuri::host
