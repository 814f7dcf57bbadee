#include "host/instances.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <future>

#include "base/error.h"
#include "base/guid.h"
#include "base/limits.h"
#include "base/log.h"
#include "host/kernel_file.h"
#include "host/network.h"
#include "host/sandbox_files.h"
#include "host/shim_start.h"

namespace nuri::host {
namespace {

std::string error_path(const Realm& realm, const std::string& guid) {
  return realm.records_dir() + "/" + guid + ".err";
}

// A process that may be ours or, after a restart of the host, somebody else's child.
void kill_and_wait(const Fd& pidfd, int pid) {
  ::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0);
  pollfd p{pidfd.get(), POLLIN, 0};
  if (::poll(&p, 1, 10'000) != 1)
    throw Error(Code::timeout, fmt::format("the shim {} does not die within 10 s of SIGKILL", pid));
  ::waitpid(pid, nullptr, WNOHANG);
}

// The app's log directory: the server, the router and the shims write segments in it.
std::string make_log_dir(const Realm& realm, const HostUsers& users, const std::string& app) {
  const Fd logs = make_dir(realm.logs_dir(), 02770);
  if (::fchown(logs.get(), users.server_uid, users.logs_gid) != 0 ||
      ::fchmod(logs.get(), 02770) != 0)
    throw system_error(fmt::format("giving {} to the group of logs", realm.logs_dir()), errno);
  const std::string path = realm.logs_dir() + "/" + app;
  const Fd dir = make_dir(path, 02770);
  if (::fchown(dir.get(), users.server_uid, users.logs_gid) != 0 || ::fchmod(dir.get(), 02770) != 0)
    throw system_error(fmt::format("giving {} to the group of logs", path), errno);
  return path;
}

bool has_cache(const StartInstance& r) {
  return std::ranges::find(r.mounts, ExtraMount::cache) != r.mounts.end();
}

}  // namespace

Instances::Instances(const Realm& realm, const HostSettings& settings, CgroupTree& cgroups,
                     Disks& disks, LayerStore& layers)
    : realm_(realm), settings_(settings), cgroups_(cgroups), disks_(disks), layers_(layers) {
  load();
  remove_strays();
}

std::string Instances::cgroup_of(const InstanceRecord& r) const {
  return fmt::format("{}/{}/{}", realm_.cgroup(), r.kind == InstanceKind::build ? "build" : "app",
                     r.guid);
}

std::string Instances::shim_cgroup_of(const std::string& guid) const {
  return fmt::format("{}/shim/{}", realm_.cgroup(), guid);
}

void Instances::load() {
  for (InstanceRecord& r : load_records(realm_)) {
    const auto pidfd = find_process(r.shim_pid, r.shim_start_time);
    if (!r.started) {
      // Nobody was told of it: a start that the host's end cut short.
      if (pidfd) kill_and_wait(*pidfd, r.shim_pid);
      sweep(r);
      continue;
    }
    if (r.cache && pidfd) disks_.note_cache_user(r.app, r.guid);
    if (!pidfd) cgroups_.remove(cgroup_of(r));
    const std::string guid = r.guid;
    entries_[guid] = {std::move(r), pidfd.has_value()};
  }
}

void Instances::remove_strays() {
  std::map<std::string, bool> alive;
  for (const auto& [guid, entry] : entries_) alive[guid] = entry.running;
  for (const char* part : {"app", "build", "shim"}) {
    const std::string parent = realm_.cgroup() + "/" + part;
    for (const std::string& guid : cgroups_.children(parent))
      if (!alive.contains(guid)) cgroups_.remove(parent + "/" + guid);
  }
  for (const std::string& name : list_dir(realm_.instances_dir()))
    if (!alive.contains(name)) remove_tree(realm_.instances_dir() + "/" + name);
  for (const std::string& name : list_dir(realm_.records_dir()))
    if (name.ends_with(".err") && !alive.contains(name.substr(0, name.size() - 4)))
      ::unlink((realm_.records_dir() + "/" + name).c_str());
  disks_.sweep(alive);
}

void Instances::on_running(std::function<void(std::string, Fd)> watch) {
  std::vector<InstanceRecord> running;
  {
    const std::lock_guard lock(mutex_);
    watch_ = std::move(watch);
    for (const auto& [guid, entry] : entries_)
      if (entry.running) running.push_back(entry.record);
  }
  for (const InstanceRecord& r : running) {
    // One that has ended meanwhile is said to have ended at once: any readable descriptor does.
    auto pidfd = find_process(r.shim_pid, r.shim_start_time);
    watch_(r.guid, pidfd ? std::move(*pidfd) : open_dir(realm_.instances_dir()));
  }
}

InstanceRecord Instances::claim(const StartInstance& request) {
  InstanceRecord r;
  r.guid = request.guid;
  r.app = request.app;
  r.kind = request.kind;
  r.index = request.index;
  r.layers = request.layers;
  r.cache = has_cache(request);
  const std::lock_guard lock(mutex_);
  if (entries_.contains(r.guid))
    throw Error(Code::conflict, fmt::format("instance {} is there already", r.guid));
  std::set<std::uint32_t> taken;
  for (const auto& [guid, entry] : entries_) taken.insert(entry.record.slot);
  if (taken.size() >= kSlots)
    throw Error(
        Code::too_many,
        fmt::format("this machine runs {} instances, as many as it can at one time", kSlots));
  // Round and round, so that an address is used again as late as possible.
  while (taken.contains(next_slot_ % kSlots)) ++next_slot_;
  r.slot = next_slot_++ % kSlots;
  entries_[r.guid] = {r, false};
  return r;
}

void Instances::save_entry(const InstanceRecord& record, bool running) {
  save(realm_, record);
  const std::lock_guard lock(mutex_);
  entries_[record.guid] = {record, running};
}

Started Instances::start(const StartInstance& request, const std::vector<Fd>& descriptors) {
  InstanceRecord record = claim(request);
  Fd pidfd;
  try {
    launch(request, record, descriptors, pidfd);
  } catch (...) {
    const std::exception_ptr failure = std::current_exception();
    try {
      if (pidfd) kill_and_wait(pidfd, record.shim_pid);
      sweep(record);
    } catch (const Error& e) {
      log_error("a failed start was not undone", {{"guid", record.guid}, {"error", e.message()}});
    }
    const std::lock_guard lock(mutex_);
    entries_.erase(record.guid);
    std::rethrow_exception(failure);
  }
  std::function<void(std::string, Fd)> watch;
  {
    const std::lock_guard lock(mutex_);
    watch = watch_;
  }
  if (watch) watch(record.guid, std::move(pidfd));
  return {record.guid, dir_of(record.guid), realm_.address(record.slot).str(), record.shim_pid,
          record.shim_start_time};
}

void Instances::launch(const StartInstance& request, InstanceRecord& record,
                       const std::vector<Fd>& descriptors, Fd& pidfd) {
  SandboxPlace place;
  place.slot = record.slot;
  place.dir = dir_of(record.guid);
  place.cgroup = cgroup_of(record);
  for (const Digest& d : request.layers) place.layer_paths.push_back(layers_.path(d));
  save_entry(record, false);
  place.log_dir = make_log_dir(realm_, settings_.users, request.app);
  // What takes long goes on beside the rest, and is joined before anything is undone.
  place.disk_image = disks_.path(record.guid);
  std::future<void> disk = std::async(
      std::launch::async, [&] { disks_.create(record.guid, request.limits.disk_bytes); });
  if (record.cache) place.cache_image = disks_.take_cache(request.app, record.guid);
  const InstanceLimits& l = request.limits;
  cgroups_.create(place.cgroup, {l.memory_bytes, l.cpu_weight, l.cpu_millis, l.pids});
  cgroups_.create(shim_cgroup_of(record.guid), {});
  place.cgroup_dirs = cgroups_.dirs(place.cgroup);
  make_dir(place.dir, 0755);
  make_dir(place.dir + "/bundle", 0755);
  write_record(place.dir + "/bundle/config.json", config_text(request, place, realm_),
               Survives::process);
  write_record(place.dir + "/shim.spec", shim_spec_text(request, place, realm_, settings_),
               Survives::process);

  ShimStart start;
  start.program = settings_.shim_program;
  start.dir = place.dir;
  start.error_path = error_path(realm_, record.guid);
  for (const Fd& fd : descriptors) start.descriptors.push_back(fd.get());
  std::future<void> entered;
  start.place = [&](int pid) {
    // Of the shim's children, who start after `wire`, none is left outside.
    entered = std::async(std::launch::async,
                         [&, pid] { cgroups_.enter(shim_cgroup_of(record.guid), pid); });
    record.shim_pid = pid;
    record.shim_start_time = start_time_of(pid).value_or(0);
    save_entry(record, false);
    disk.get();
  };
  start.wire = [&](int pid) {
    connect_instance(realm_, record.slot, pid);
    entered.get();
  };
  Child child = start_shim(start);
  pidfd = std::move(child.pidfd);
  record.started = true;
  save_entry(record, true);
}

void Instances::sweep(const InstanceRecord& r) {
  cgroups_.remove(cgroup_of(r));
  cgroups_.remove(shim_cgroup_of(r.guid));
  disconnect_instance(realm_, r.slot);
  disks_.remove(r.guid);
  if (r.cache) disks_.release_cache(r.app, r.guid);
  remove_tree(dir_of(r.guid));
  ::unlink(error_path(realm_, r.guid).c_str());
  forget_record(realm_, r.guid);
}

std::optional<Instances::Entry> Instances::find(const std::string& guid) const {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(guid);
  return entry == entries_.end() ? std::nullopt : std::optional(entry->second);
}

bool Instances::shim_ended(const std::string& guid) {
  InstanceRecord record;
  {
    const std::lock_guard lock(mutex_);
    const auto entry = entries_.find(guid);
    if (entry == entries_.end() || !entry->second.running) return false;
    entry->second.running = false;
    record = entry->second.record;
  }
  ::waitpid(record.shim_pid, nullptr, WNOHANG);
  try {
    // What a killed shim could not end itself.
    cgroups_.remove(cgroup_of(record));
  } catch (const Error& e) {
    log_error("processes of an instance outlive it", {{"guid", guid}, {"error", e.message()}});
  }
  return true;
}

void Instances::remove(const RemoveInstance& request) {
  const auto entry = find(request.guid);
  if (!entry) return;
  const InstanceRecord& r = entry->record;
  if (const auto pidfd = find_process(r.shim_pid, r.shim_start_time)) {
    if (!request.kill)
      throw Error(Code::conflict,
                  fmt::format("instance {} still runs: stop it first, or say kill", r.guid));
    kill_and_wait(*pidfd, r.shim_pid);
  }
  sweep(r);
  const std::lock_guard lock(mutex_);
  entries_.erase(r.guid);
}

void Instances::remove_all() {
  std::vector<std::string> guids;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [guid, entry] : entries_) guids.push_back(guid);
  }
  for (const std::string& guid : guids) remove({guid, true});
}

InstancePage Instances::list(const std::string& after) const {
  InstancePage page;
  const std::lock_guard lock(mutex_);
  for (auto e = entries_.upper_bound(after); e != entries_.end(); ++e) {
    const InstanceRecord& r = e->second.record;
    if (!r.started) continue;
    if (page.instances.size() == limits::kHostInstancesPage) {
      page.more = true;
      break;
    }
    page.instances.push_back({r.guid, r.app, r.kind, r.index,
                              e->second.running ? InstanceState::running : InstanceState::exited,
                              realm_.address(r.slot).str(), r.shim_pid, r.shim_start_time});
  }
  return page;
}

InstanceStats Instances::stats(const std::string& guid) const {
  const auto entry = find(guid);
  if (!entry || !entry->running)
    throw Error(Code::not_found, fmt::format("instance {} does not run on this machine", guid));
  const std::string cgroup = cgroup_of(entry->record);
  const CgroupStats s = cgroups_.stats(cgroup);
  return {s.memory_bytes, s.memory_anon_bytes,    s.cpu_ns,
          s.pids,         disks_.allocated(guid), cgroups_.events(cgroup).oom_kills};
}

std::set<Digest> Instances::layers_in_use() const {
  std::set<Digest> used;
  const std::lock_guard lock(mutex_);
  for (const auto& [guid, entry] : entries_)
    used.insert(entry.record.layers.begin(), entry.record.layers.end());
  return used;
}

std::uint32_t Instances::count() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::uint32_t>(entries_.size());
}

}  // namespace nuri::host
