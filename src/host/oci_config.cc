#include "host/oci_config.h"

#include <fmt/format.h>

#include "host/seccomp.h"
#include "host/shim/spec.h"

namespace nuri::host {
namespace {

json::object mount(std::string_view target, std::string_view type, std::string_view source,
                   std::initializer_list<std::string_view> options) {
  json::array list;
  for (const std::string_view o : options) list.emplace_back(o);
  return {
      {"destination", target}, {"type", type}, {"source", source}, {"options", std::move(list)}};
}

json::object shown(std::string_view target, const std::string& source) {
  return mount(target, "bind", source, {"rbind", "ro", "nosuid", "nodev", "noexec"});
}

json::array mounts(const SandboxShape& s) {
  json::array list{
      mount("/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}),
      mount("/dev", "tmpfs", "tmpfs", {"nosuid", "noexec", "strictatime", "mode=755", "size=64k"}),
      mount("/dev/pts", "devpts", "devpts",
            {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}),
      mount("/dev/shm", "tmpfs", "shm",
            {"nosuid", "noexec", "nodev", "mode=1777", fmt::format("size={}", s.shm_bytes)}),
      // Not the machine's /sys: the network namespace is not the sandbox's own, so the kernel would
      // only let it bind the host's. What runtimes read of it is shown below.
      mount("/sys", "tmpfs", "sysfs", {"ro", "nosuid", "noexec", "nodev", "mode=755", "size=64k"}),
      shown("/sys/devices/system/cpu", "/sys/devices/system/cpu"),
  };
  if (s.cgroup_version == 2) {
    list.emplace_back(mount("/sys/fs/cgroup", "cgroup", "cgroup",
                            {"ro", "nosuid", "noexec", "nodev", "relatime"}));
  } else {
    list.emplace_back(shown("/sys/fs/cgroup/memory", s.memory_cgroup));
    list.emplace_back(shown("/sys/fs/cgroup/cpu", s.cpu_cgroup));
    list.emplace_back(shown("/sys/fs/cgroup/cpuacct", s.cpuacct_cgroup));
  }
  return list;
}

json::object process() {
  // init's: to become the app's user and to signal it. The app itself has none.
  const json::array kept{"CAP_KILL", "CAP_SETGID", "CAP_SETUID"};
  return {{"terminal", false},
          {"user", {{"uid", 0}, {"gid", 0}}},
          {"args", json::array{shim::kInitPath, "init"}},
          {"env", json::array{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}},
          {"cwd", "/"},
          {"capabilities", {{"bounding", kept}, {"effective", kept}, {"permitted", kept}}},
          {"noNewPrivileges", true}};
}

json::object isolation(const SandboxShape& s) {
  json::array namespaces;
  for (const char* type : {"user", "pid", "mount", "ipc", "uts", "cgroup"}) {
    // Version 1's mounts are shown by their own directories: paths in /proc/self/cgroup must match
    // them.
    if (s.cgroup_version == 1 && std::string_view(type) == "cgroup") continue;
    namespaces.emplace_back(json::object{{"type", type}});
  }
  const json::array ids{
      json::object{{"containerID", 0}, {"hostID", s.ids_base}, {"size", s.ids_count}}};
  return {{"namespaces", std::move(namespaces)},
          {"uidMappings", ids},
          {"gidMappings", ids},
          {"cgroupsPath", s.cgroups_path},
          {"seccomp", seccomp_profile()},
          {"maskedPaths",
           json::array{"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore",
                       "/proc/keys", "/proc/kallsyms", "/proc/kmsg", "/proc/latency_stats",
                       "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats"}},
          {"readonlyPaths",
           json::array{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}}};
}

}  // namespace

json::object oci_config(const SandboxShape& s) {
  return {{"ociVersion", "1.0.2"},  {"root", {{"path", s.root}, {"readonly", false}}},
          {"hostname", s.hostname}, {"process", process()},
          {"mounts", mounts(s)},    {"linux", isolation(s)}};
}

}  // namespace nuri::host
