#include "host/shim/cgroup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace nuri::shim {
namespace {

constexpr char kApp[] = "app";
constexpr int kFreezeTries = 100;
constexpr long kFreezePauseNs = 2'000'000;

Result<Fd> open_dir(const std::string& path) {
  Fd dir(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir) return failure("cannot open the cgroup " + path, errno);
  return dir;
}

// A missing file is no failure: its numbers are then 0 (memory.peak before Linux 5.19, controllers
// that a hybrid machine keeps in version 1).
Fd open_file(const Fd& dir, const char* name, int flags = O_RDONLY) {
  return Fd(::openat(dir.get(), name, flags | O_CLOEXEC));
}

Result<> write_pid(const Fd& dir, pid_t pid) {
  Fd file = open_file(dir, "cgroup.procs", O_WRONLY);
  std::string text = std::to_string(pid);
  if (!file || ::write(file.get(), text.data(), text.size()) < 0) {
    return failure("cannot move the app into its cgroup", errno);
  }
  return {};
}

struct Text {
  char bytes[4096];
  std::size_t size = 0;
  std::string_view view() const { return {bytes, size}; }
};

Text read_all(const Fd& file) {
  Text text;
  if (!file) return text;
  ssize_t n = ::pread(file.get(), text.bytes, sizeof text.bytes, 0);
  text.size = n > 0 ? static_cast<std::size_t>(n) : 0;
  return text;
}

std::uint64_t read_number(const Fd& file, std::string_view key) {
  return number_after(read_all(file).view(), key);
}

Result<> write_text(const Fd& file, std::string_view text, std::string_view doing) {
  if (::pwrite(file.get(), text.data(), text.size(), 0) < 0) return failure(doing, errno);
  return {};
}

}  // namespace

std::uint64_t number_after(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!key.empty()) {
      if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != ' ') continue;
      line.remove_prefix(key.size() + 1);
    }
    std::uint64_t number = 0;
    auto [last, failed] = std::from_chars(line.data(), line.data() + line.size(), number);
    return failed == std::errc() && last == line.data() + line.size() ? number : 0;
  }
  return 0;
}

Result<Cgroup> Cgroup::open(const Cgroups& cgroups) {
  Cgroup cgroup;
  cgroup.version_ = cgroups.version;
  const bool v2 = cgroups.version == 2;
  const std::pair<Fd*, const std::string*> dirs[] = {
      {&cgroup.freezer_, v2 ? &cgroups.unified : &cgroups.freezer},
      {&cgroup.memory_, v2 ? &cgroups.unified : &cgroups.memory},
      {&cgroup.cpuacct_, v2 ? &cgroups.unified : &cgroups.cpuacct},
      {&cgroup.pids_, v2 ? &cgroups.unified : &cgroups.pids},
  };
  for (const auto& [dir, path] : dirs) {
    auto opened = open_dir(*path);
    if (!opened) return std::unexpected(opened.error());
    *dir = std::move(*opened);
  }
  if (::mkdirat(cgroup.freezer_.get(), kApp, 0755) != 0 && errno != EEXIST) {
    return failure("cannot make the app's freezable cgroup", errno);
  }
  cgroup.app_ = open_file(cgroup.freezer_, kApp, O_RDONLY | O_DIRECTORY);
  if (!cgroup.app_) return failure("cannot open the app's freezable cgroup", errno);
  return cgroup;
}

Result<> Cgroup::place_init(pid_t init) {
  if (version_ == 1) return {};
  return write_pid(freezer_, init);
}

Result<> Cgroup::place_app(pid_t app) { return write_pid(app_, app); }

Result<> Cgroup::open_files() {
  if (version_ == 1) {
    freeze_file_ = open_file(app_, "freezer.state", O_RDWR);
    cpu_file_ = open_file(cpuacct_, "cpuacct.usage");
    memory_file_ = open_file(memory_, "memory.usage_in_bytes");
    peak_file_ = open_file(memory_, "memory.max_usage_in_bytes");
    oom_file_ = open_file(memory_, "memory.oom_control");
  } else {
    freeze_file_ = open_file(app_, "cgroup.freeze", O_RDWR);
    events_file_ = open_file(app_, "cgroup.events");
    kill_file_ = open_file(freezer_, "cgroup.kill", O_WRONLY);
    cpu_file_ = open_file(cpuacct_, "cpu.stat");
    memory_file_ = open_file(memory_, "memory.current");
    peak_file_ = open_file(memory_, "memory.peak");
    oom_file_ = open_file(memory_, "memory.events");
  }
  memory_stat_file_ = open_file(memory_, "memory.stat");
  pids_file_ = open_file(pids_, "pids.current");
  denied_file_ = open_file(pids_, "pids.events");
  if (!freeze_file_) return failure("cannot open the freezer of the app's cgroup", errno);
  return {};
}

bool Cgroup::is_frozen() const {
  if (version_ == 1) return read_all(freeze_file_).view().starts_with("FROZEN");
  return read_number(events_file_, "frozen") == 1;
}

Result<> Cgroup::freeze() {
  std::string_view on = version_ == 1 ? "FROZEN" : "1";
  if (auto done = write_text(freeze_file_, on, "cannot freeze the app"); !done) return done;
  for (int i = 0; i < kFreezeTries; ++i) {
    if (is_frozen()) return {};
    timespec pause{0, kFreezePauseNs};
    ::nanosleep(&pause, nullptr);
  }
  (void)thaw();
  return std::unexpected("cannot freeze the app: not all its processes stopped within 200 ms");
}

Result<> Cgroup::thaw() { return write_text(freeze_file_, thaw_text(), "cannot thaw the app"); }

bool Cgroup::kill() { return kill_file_ && ::pwrite(kill_file_.get(), "1", 1, 0) == 1; }

CgroupUse Cgroup::use() const {
  const bool v1 = version_ == 1;
  CgroupUse use;
  use.cpu_ns = v1 ? read_number(cpu_file_, "") : read_number(cpu_file_, "usage_usec") * 1000;
  std::uint64_t memory = read_number(memory_file_, "");
  std::uint64_t droppable =
      read_number(memory_stat_file_, v1 ? "total_inactive_file" : "inactive_file");
  use.memory_bytes = memory - std::min(memory, droppable);
  use.memory_peak = read_number(peak_file_, "");
  use.oom_kills = read_number(oom_file_, "oom_kill");
  use.pids = read_number(pids_file_, "");
  use.pids_denied = read_number(denied_file_, "max");
  return use;
}

}  // namespace nuri::shim
