#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "host/cgroup.h"
#include "host/cgroup_directory.h"
#include "host/kernel_file.h"

namespace nuri::host {
namespace {

constexpr std::uint64_t kPeriodUs = 100'000;

class CgroupV2 final : public CgroupTree {
 public:
  CgroupV2(const std::string& root, std::vector<std::string> controllers)
      : root_(root), controllers_(std::move(controllers)) {
    const std::string have = " " + read_file(root_ + "/cgroup.controllers") + " ";
    for (const std::string& c : controllers_)
      if (have.find(c) == std::string::npos)
        throw Error(Code::unavailable, fmt::format("control groups: the controller {} is not in "
                                                   "{}/cgroup.controllers; boot with it enabled",
                                                   c, root_));
  }

  void create(const std::string& group, const CgroupLimits& limits) override {
    // Controllers are handed down level by level; a group with controllers below it holds no
    // process.
    for (std::size_t slash = group.find('/');; slash = group.find('/', slash + 1)) {
      hand_down(slash == std::string::npos ? parent_of(group) : parent_of(group.substr(0, slash)));
      make_dir(dir(group.substr(0, slash)), 0755);
      if (slash == std::string::npos) break;
    }
    if (limits.memory_bytes) {
      set(group, "memory.max", std::to_string(limits.memory_bytes));
      // Under the limit the group is to be reclaimed as one: the app is killed, not a part of it.
      set_if_there(group, "memory.swap.max", "0");
    }
    if (limits.cpu_weight) set(group, "cpu.weight", std::to_string(limits.cpu_weight));
    if (limits.cpu_millis)
      set(group, "cpu.max", fmt::format("{} {}", kPeriodUs * limits.cpu_millis / 1000, kPeriodUs));
    if (limits.pids) set(group, "pids.max", std::to_string(limits.pids));
  }

  void enter(const std::string& group, int pid) override {
    set(group, "cgroup.procs", std::to_string(pid));
  }

  void kill(const std::string& group) override {
    try {
      set(group, "cgroup.kill", "1");
    } catch (const Error& e) {
      if (e.code() != Code::not_found) throw;
    }
  }

  void freeze(const std::string& group, Frozen frozen) override {
    set(group, "cgroup.freeze", frozen == Frozen::yes ? "1" : "0");
  }

  CgroupStats stats(const std::string& group) const override {
    const auto text = [&](const char* file) {
      return read_file_if_there(dir(group) + "/" + file).value_or("");
    };
    CgroupStats s;
    s.memory_bytes = parse_number(text("memory.current")).value_or(0);
    s.memory_anon_bytes = keyed_number(text("memory.stat"), "anon");
    s.cpu_ns = keyed_number(text("cpu.stat"), "usage_usec") * 1000;
    s.pids = parse_number(text("pids.current")).value_or(0);
    return s;
  }

  CgroupEvents events(const std::string& group) const override {
    const std::string e = read_file(dir(group) + "/cgroup.events");
    const std::string m = read_file_if_there(dir(group) + "/memory.events").value_or("");
    return {keyed_number(m, "oom_kill"), keyed_number(e, "populated") != 0,
            keyed_number(e, "frozen") != 0};
  }

  std::vector<std::string> children(const std::string& group) const override {
    return groups_in(dir(group));
  }
  bool exists(const std::string& group) const override { return is_dir(dir(group)); }
  CgroupDirs dirs(const std::string& group) const override {
    return {2, dir(group), "", "", "", "", ""};
  }

 protected:
  bool try_remove(const std::string& group) override { return remove_groups(dir(group)); }

 private:
  std::string dir(const std::string& group) const {
    return group.empty() ? root_ : root_ + "/" + group;
  }
  static std::string parent_of(const std::string& group) {
    const auto slash = group.find_last_of('/');
    return slash == std::string::npos ? "" : group.substr(0, slash);
  }
  void set(const std::string& group, const char* file, std::string_view value) {
    write_kernel_file(dir(group) + "/" + file, value);
  }
  void set_if_there(const std::string& group, const char* file, std::string_view value) {
    if (read_file_if_there(dir(group) + "/" + file)) set(group, file, value);
  }
  void hand_down(const std::string& group) {
    const std::string path = dir(group) + "/cgroup.subtree_control";
    const std::string have = " " + read_file(path);
    for (const std::string& c : controllers_)
      if (have.find(" " + c) == std::string::npos) write_kernel_file(path, "+" + c);
  }

  std::string root_;
  std::vector<std::string> controllers_;
};

}  // namespace

std::unique_ptr<CgroupTree> open_cgroups_v2(const std::string& root,
                                            std::vector<std::string> controllers) {
  return std::make_unique<CgroupV2>(root, std::move(controllers));
}

}  // namespace nuri::host
