#include "host/sandbox_files.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "host/oci_config.h"

namespace nuri::host {
namespace {

std::string hostname_of(const StartInstance& r) {
  return r.hostname.empty() ? r.guid.substr(0, 8) : r.hostname;
}

// Cloud Foundry's names for where an instance is; only the host knows the address.
std::vector<std::string> environment(const StartInstance& r, const std::string& address) {
  std::vector<std::string> env;
  for (const auto& [name, value] : r.env) env.push_back(name + "=" + value);
  if (r.kind != InstanceKind::app) return env;
  const auto add = [&](std::string_view name, const std::string& value) {
    const bool given = std::ranges::any_of(r.env, [&](const auto& e) { return e.first == name; });
    if (!given) env.push_back(fmt::format("{}={}", name, value));
  };
  add("CF_INSTANCE_IP", address);
  add("CF_INSTANCE_INTERNAL_IP", address);
  if (r.port != 0) {
    add("CF_INSTANCE_PORT", std::to_string(r.port));
    add("CF_INSTANCE_ADDR", fmt::format("{}:{}", address, r.port));
    add("CF_INSTANCE_PORTS", fmt::format(R"([{{"internal":{}}}])", r.port));
  }
  return env;
}

shim::Mount mount_of(ExtraMount mount, const SandboxPlace& place, const HostSettings& settings) {
  const auto known = [](const std::string& dir, const char* what) {
    if (dir.empty())
      throw Error(Code::unprocessable,
                  fmt::format("this host was started without a directory of {}", what));
    return dir;
  };
  using shim::Access, shim::MountKind;
  switch (mount) {
    case ExtraMount::lifecycle:
      return {MountKind::plain_tree, Access::read_only,
              known(settings.lifecycle_dir, "the lifecycle"), "/nuri/bin"};
    case ExtraMount::buildpacks:
      return {MountKind::plain_tree, Access::read_only,
              known(settings.buildpacks_dir, "buildpacks"), "/nuri/buildpacks"};
    case ExtraMount::cache:
      return {MountKind::stored_disk, Access::read_write, place.cache_image, "/cache"};
  }
  throw Error(Code::unprocessable, "an unknown mount");
}

}  // namespace

std::string shim_spec_text(const StartInstance& r, const SandboxPlace& place, const Realm& realm,
                           const HostSettings& settings) {
  const std::string address = realm.address(place.slot).str();
  const std::string hostname = hostname_of(r);
  shim::ShimSpec s;
  s.guid = r.guid;
  s.app_guid = r.app;
  s.index = r.index;
  s.kind = r.kind == InstanceKind::build ? shim::Kind::build : shim::Kind::app;
  s.log_source = r.log_source;
  s.log_dir = place.log_dir;
  s.crun = settings.crun_program;
  s.lowers.assign(place.layer_paths.rbegin(), place.layer_paths.rend());
  s.disk_image = place.disk_image;
  for (const ExtraMount m : r.mounts) {
    s.mounts.push_back(mount_of(m, place, settings));
    if (m == ExtraMount::cache) s.own_dirs.push_back("/cache");
  }
  // Where the lifecycle works (buildpacks' platform specification).
  if (r.kind == InstanceKind::build)
    for (const char* dir : {"/workspace", "/layers", "/platform"}) s.own_dirs.push_back(dir);
  s.resolv_conf =
      fmt::format("nameserver {}\noptions timeout:3 attempts:2\n", realm.gateway().str());
  s.hosts =
      fmt::format("127.0.0.1 localhost\n::1 localhost ip6-localhost\n{} {}\n", address, hostname);
  s.hostname = hostname + "\n";
  s.ids = {realm.store_ids(), realm.instance_ids(place.slot), kIdsPerRange};
  s.uid = r.uid;
  s.gid = r.gid;
  s.argv = r.argv;
  s.env = environment(r, address);
  s.cwd = r.cwd;
  s.rlimits = {{"nofile", 65'536, 65'536}, {"core", 0, 0}};
  s.port = r.port;
  s.grace_ms = r.stop_grace_ms;
  const CgroupDirs& c = place.cgroup_dirs;
  s.cgroups = {c.version, c.unified, c.freezer, c.memory, c.cpuacct, c.pids};
  const HostUsers& u = settings.users;
  s.owners = {u.shim_uid,   u.shim_gid,   {u.logs_gid}, u.server_uid,
              u.server_gid, u.router_uid, u.router_gid};
  std::string text = shim::encode(s);
  // The shim reads it with the same function: what it would refuse is refused here, with its
  // reason.
  if (const auto back = shim::parse(text); !back)
    throw Error(Code::unprocessable,
                fmt::format("this instance cannot be described: {}", back.error()));
  return text;
}

std::string config_text(const StartInstance& r, const SandboxPlace& place, const Realm& realm) {
  SandboxShape shape;
  shape.root = place.dir + "/rootfs";
  shape.hostname = hostname_of(r);
  shape.cgroups_path = "/" + place.cgroup;
  shape.ids_base = realm.instance_ids(place.slot);
  shape.ids_count = kIdsPerRange;
  shape.shm_bytes = r.limits.shm_bytes;
  shape.cgroup_version = place.cgroup_dirs.version;
  shape.memory_cgroup = place.cgroup_dirs.memory;
  shape.cpu_cgroup = place.cgroup_dirs.cpu;
  shape.cpuacct_cgroup = place.cgroup_dirs.cpuacct;
  return json::serialize(oci_config(shape));
}

}  // namespace nuri::host
