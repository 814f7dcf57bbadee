#include <fmt/format.h>
#include <signal.h>

#include <algorithm>

#include "base/error.h"
#include "host/cgroup.h"
#include "host/cgroup_directory.h"
#include "host/kernel_file.h"

namespace nuri::host {
namespace {

constexpr std::string_view kNeeded[] = {"memory", "cpu", "cpuacct", "pids", "freezer"};
constexpr std::uint64_t kPeriodUs = 100'000;

class CgroupV1 final : public CgroupTree {
 public:
  explicit CgroupV1(const std::string& root) : root_(root) {
    for (const std::string& name : list_dir(root_)) {
      // "unified" is a version 2 tree beside these; a link ("cpu" to "cpu,cpuacct") counts as its
      // target.
      if (name != "unified" && is_dir(root_ + "/" + name)) hierarchies_.push_back(name);
    }
    for (const std::string_view need : kNeeded)
      if (std::ranges::find(hierarchies_, need) == hierarchies_.end())
        throw Error(
            Code::unavailable,
            fmt::format("control groups: {}/{} is not there; Nuri needs cgroup version 2, or "
                        "version 1 with memory, cpu, cpuacct, pids and freezer",
                        root_, need));
  }

  void create(const std::string& group, const CgroupLimits& limits) override {
    for (const std::string_view controller : kNeeded) make_dir(dir(controller, group), 0755);
    if (limits.memory_bytes) {
      set("memory", group, "memory.limit_in_bytes", limits.memory_bytes);
      // With swap accounting: no swap on top. Without it the file is not there.
      if (read_file_if_there(dir("memory", group) + "/memory.memsw.limit_in_bytes"))
        set("memory", group, "memory.memsw.limit_in_bytes", limits.memory_bytes);
    }
    if (limits.cpu_weight) set("cpu", group, "cpu.shares", shares_of_weight(limits.cpu_weight));
    if (limits.cpu_millis) {
      set("cpu", group, "cpu.cfs_period_us", kPeriodUs);
      set("cpu", group, "cpu.cfs_quota_us", kPeriodUs * limits.cpu_millis / 1000);
    }
    if (limits.pids) set("pids", group, "pids.max", limits.pids);
  }

  void enter(const std::string& group, int pid) override {
    for (const std::string_view controller : kNeeded)
      write_kernel_file(dir(controller, group) + "/cgroup.procs", std::to_string(pid));
  }

  // Frozen first, so that nothing forks away from the list; killed processes die when thawed.
  void kill(const std::string& group) override {
    if (!is_dir(dir("freezer", group))) return kill_in("memory", group);
    set_state(group, "FROZEN");
    kill_in("freezer", group);
    for (const std::string& below : groups_in(dir("freezer", group)))
      set_state(group + "/" + below, "THAWED");
    set_state(group, "THAWED");
    kill_in("memory", group);
  }

  void freeze(const std::string& group, Frozen frozen) override {
    write_kernel_file(dir("freezer", group) + "/freezer.state",
                      frozen == Frozen::yes ? "FROZEN" : "THAWED");
  }

  CgroupStats stats(const std::string& group) const override {
    const auto number = [&](std::string_view controller, const char* file) {
      return parse_number(read_file(dir(controller, group) + "/" + file)).value_or(0);
    };
    CgroupStats s;
    s.memory_bytes = number("memory", "memory.usage_in_bytes");
    s.memory_anon_bytes =
        keyed_number(read_file(dir("memory", group) + "/memory.stat"), "total_rss");
    s.cpu_ns = number("cpuacct", "cpuacct.usage");
    s.pids = number("pids", "pids.current");
    return s;
  }

  CgroupEvents events(const std::string& group) const override {
    CgroupEvents e;
    e.oom_kills = keyed_number(read_file(dir("memory", group) + "/memory.oom_control"), "oom_kill");
    e.populated = populated(dir("freezer", group)) || populated(dir("memory", group));
    e.frozen = read_file(dir("freezer", group) + "/freezer.state").starts_with("FROZEN");
    return e;
  }

  std::vector<std::string> children(const std::string& group) const override {
    std::vector<std::string> all;
    for (const std::string& h : hierarchies_)
      for (std::string& name : groups_in(dir(h, group)))
        if (std::ranges::find(all, name) == all.end()) all.push_back(std::move(name));
    std::ranges::sort(all);
    return all;
  }

  bool exists(const std::string& group) const override {
    return std::ranges::any_of(hierarchies_, [&](const auto& h) { return is_dir(dir(h, group)); });
  }

  CgroupDirs dirs(const std::string& group) const override {
    return {1,
            "",
            dir("freezer", group),
            dir("memory", group),
            dir("cpu", group),
            dir("cpuacct", group),
            dir("pids", group)};
  }

 protected:
  bool try_remove(const std::string& group) override {
    bool all = true;
    for (const std::string& h : hierarchies_) all = remove_groups(dir(h, group)) && all;
    return all;
  }

 private:
  std::string dir(std::string_view controller, const std::string& group) const {
    return fmt::format("{}/{}/{}", root_, controller, group);
  }

  void set(std::string_view controller, const std::string& group, const char* file,
           std::uint64_t value) {
    write_kernel_file(dir(controller, group) + "/" + file, std::to_string(value));
  }

  void set_state(const std::string& group, const char* state) {
    try {
      write_kernel_file(dir("freezer", group) + "/freezer.state", state);
    } catch (const Error&) {
      // Gone meanwhile.
    }
  }

  void kill_in(std::string_view controller, const std::string& group) const {
    kill_below(dir(controller, group));
  }

  static void kill_below(const std::string& path) {
    for (const std::string& name : groups_in(path)) kill_below(path + "/" + name);
    const std::string procs = processes_of(path);
    for (std::size_t at = 0; at < procs.size();) {
      const std::size_t end = std::min(procs.find('\n', at), procs.size());
      const auto pid = parse_number(std::string_view(procs).substr(at, end - at));
      if (pid && *pid > 1) ::kill(static_cast<pid_t>(*pid), SIGKILL);
      at = end + 1;
    }
  }

  static bool populated(const std::string& path) {
    if (!processes_of(path).empty()) return true;
    return std::ranges::any_of(groups_in(path),
                               [&](const auto& name) { return populated(path + "/" + name); });
  }

  std::string root_;
  std::vector<std::string> hierarchies_;
};

}  // namespace

std::unique_ptr<CgroupTree> open_cgroups_v1(const std::string& root) {
  return std::make_unique<CgroupV1>(root);
}

}  // namespace nuri::host
