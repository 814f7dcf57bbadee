#include <utility>

#include "host/shim/spec.h"

namespace nuri::shim {
namespace {

class Writer {
 public:
  void text(std::string_view key, std::string_view value) {
    out_.append(key);
    out_ += ' ';
    for (char c : value) {
      if (c == '\\') {
        out_ += "\\\\";
      } else if (c == '\n') {
        out_ += "\\n";
      } else {
        out_ += c;
      }
    }
    out_ += '\n';
  }
  void number(std::string_view key, std::uint64_t value) { text(key, std::to_string(value)); }
  void numbers(std::string_view key, std::initializer_list<std::uint64_t> values) {
    std::string all;
    for (std::uint64_t value : values) {
      if (!all.empty()) all += ' ';
      all += std::to_string(value);
    }
    text(key, all);
  }
  void list(std::string_view key, const std::vector<std::string>& values) {
    for (const std::string& value : values) text(key, value);
  }
  void list(std::string_view key, const std::vector<std::uint32_t>& values) {
    for (std::uint32_t value : values) number(key, value);
  }
  std::string take() && { return std::move(out_); }

 private:
  std::string out_{std::string(kSpecFirstLine) + "\n"};
};

std::string_view name_of(MountKind kind) {
  switch (kind) {
    case MountKind::plain_tree:
      return "plain_tree";
    case MountKind::stored_tree:
      return "stored_tree";
    case MountKind::stored_disk:
      return "stored_disk";
  }
  return "";
}

void write_cgroups(Writer& out, const Cgroups& cgroups) {
  out.number("cgroup_version", static_cast<std::uint64_t>(cgroups.version));
  if (!cgroups.unified.empty()) out.text("cgroup_unified", cgroups.unified);
  if (!cgroups.freezer.empty()) out.text("cgroup_freezer", cgroups.freezer);
  if (!cgroups.memory.empty()) out.text("cgroup_memory", cgroups.memory);
  if (!cgroups.cpuacct.empty()) out.text("cgroup_cpuacct", cgroups.cpuacct);
  if (!cgroups.pids.empty()) out.text("cgroup_pids", cgroups.pids);
}

void write_owners(Writer& out, const Owners& owners) {
  out.number("shim_uid", owners.shim_uid);
  out.number("shim_gid", owners.shim_gid);
  out.list("shim_group", owners.shim_groups);
  out.number("server_uid", owners.server_uid);
  out.number("server_gid", owners.server_gid);
  out.number("router_uid", owners.router_uid);
  out.number("router_gid", owners.router_gid);
}

}  // namespace

std::string encode(const ShimSpec& spec) {
  Writer out;
  out.text("guid", spec.guid);
  out.text("app_guid", spec.app_guid);
  out.number("index", spec.index);
  out.text("kind", spec.kind == Kind::build ? "build" : "app");
  out.text("log_source", spec.log_source);
  out.text("log_dir", spec.log_dir);
  out.text("crun", spec.crun);
  out.list("lower", spec.lowers);
  out.text("disk_image", spec.disk_image);
  for (const Mount& mount : spec.mounts) {
    std::string value(name_of(mount.kind));
    value += mount.access == Access::read_only ? " ro " : " rw ";
    value += std::to_string(mount.source.size()) + " " + mount.source + " " + mount.target;
    out.text("mount", value);
  }
  out.list("own_dir", spec.own_dirs);
  if (!spec.resolv_conf.empty()) out.text("resolv_conf", spec.resolv_conf);
  if (!spec.hosts.empty()) out.text("hosts", spec.hosts);
  if (!spec.hostname.empty()) out.text("hostname", spec.hostname);
  out.numbers("ids", {spec.ids.store_base, spec.ids.instance_base, spec.ids.size});
  out.number("uid", spec.uid);
  out.number("gid", spec.gid);
  out.list("group", spec.groups);
  out.list("arg", spec.argv);
  out.list("env", spec.env);
  out.text("cwd", spec.cwd);
  for (const Rlimit& limit : spec.rlimits) {
    out.text("rlimit",
             limit.name + " " + std::to_string(limit.soft) + " " + std::to_string(limit.hard));
  }
  out.number("port", spec.port);
  out.number("stop_signal", static_cast<std::uint64_t>(spec.stop_signal));
  out.number("grace_ms", spec.grace_ms);
  write_cgroups(out, spec.cgroups);
  write_owners(out, spec.owners);
  std::string text = std::move(out).take();
  text.append(kSpecLastLine) += '\n';
  return text;
}

}  // namespace nuri::shim
