#include "host/host_main.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <climits>

#include "async/epoll_loop.h"
#include "async/signals.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/log.h"
#include "host/host_server.h"
#include "host/kernel_file.h"
#include "host/network.h"
#include "net/packet_socket.h"

namespace nuri::host {
namespace {

std::string beside_this_program(const char* name) {
  char path[PATH_MAX];
  const ssize_t n = ::readlink("/proc/self/exe", path, sizeof path);
  if (n <= 0) throw system_error("finding this program's own file", errno);
  const std::string self(path, static_cast<std::size_t>(n));
  return self.substr(0, self.find_last_of('/') + 1) + name;
}

// One host a realm. A lock of the process (fcntl(2)), not of the descriptor: a child that was
// forked and not yet executed, when the host is killed, must not hold it.
Fd lock_realm(const Realm& realm) {
  const std::string path = realm.records_dir() + "/lock";
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) throw system_error(fmt::format("opening {}", path), errno);
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(fd.get(), F_SETLK, &lock) != 0)
    throw Error(Code::conflict,
                fmt::format("a host of realm {} runs already (it holds {}); stop it first",
                            realm.name, path));
  return fd;
}

void need_root() {
  if (::geteuid() != 0)
    throw Error(Code::forbidden, "nuri host makes sandboxes and must run as root");
}

// Builds together can take no more than this, however many there are; apps come first.
void make_parent_groups(const Realm& realm, const HostSettings& settings, CgroupTree& cgroups) {
  const std::uint64_t memory = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                               static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  CgroupLimits builds;
  builds.memory_bytes = settings.builds_memory_bytes ? settings.builds_memory_bytes : memory / 2;
  builds.cpu_weight = settings.builds_cpu_weight;
  CgroupLimits apps;
  apps.cpu_weight = 1000;
  cgroups.create(realm.cgroup() + "/app", apps);
  cgroups.create(realm.cgroup() + "/build", builds);
  cgroups.create(realm.cgroup() + "/shim", {});
}

Task<void> stop_on_signal(async::Loop& loop, async::Signals& signals) {
  const auto number = co_await signals.next();
  if (!number) co_return;
  log_info("the host stops; instances run on", {{"signal", *number}});
  loop.cancel();
}

// Takes the signals: a loop ends only when it holds no descriptor.
Task<void> serve(async::Loop& loop, HostServer& server, async::Signals signals, Fd listener) {
  async::TaskGroup group(loop);
  group.spawn(stop_on_signal(loop, signals));
  group.spawn(server.run(std::move(listener)));
  co_await group.join();
}

int serve_realm(const HostSettings& settings) {
  need_root();
  set_log_process("host");
  async::EpollLoop loop;
  async::Signals signals(loop, {SIGTERM, SIGINT});
  const Realm realm = open_realm(settings.realm);
  const Fd lock = lock_realm(realm);
  const auto cgroups = open_cgroups();
  make_parent_groups(realm, settings, *cgroups);
  prepare_network(realm);
  if (const std::string obstacle = forwarding_obstacle(realm); !obstacle.empty())
    log_warn("instances may not reach the outside", {{"why", obstacle}});
  Disks disks(realm, settings.disk);
  LayerStore layers(realm, settings.unpack_program);
  Instances instances(realm, settings, *cgroups, disks, layers);
  const std::string path = realm.run_dir + "/host.sock";
  Fd listener = net::listen_packets(path, 0660);
  if (::chown(path.c_str(), 0, settings.users.server_gid) != 0)
    throw system_error(fmt::format("giving {} to the server's group", path), errno);
  {
    auto pool = std::make_unique<async::ThreadPool>(limits::kHostThreads, limits::kBlockingQueue);
    HostServer server(loop, *pool, realm, settings, instances, disks, layers);
    log_info("the host is ready", {{"realm", realm.name},
                                   {"socket", path},
                                   {"subnet", realm.subnet.str()},
                                   {"instances", instances.count()}});
    try {
      loop.run(serve(loop, server, std::move(signals), std::move(listener)));
    } catch (const Error& e) {
      if (e.code() != Code::cancelled) throw;
    }
    pool.reset();
  }
  return 0;
}

int sweep_realm(const HostSettings& settings) {
  need_root();
  set_log_process("host");
  if (!find_realm(settings.realm)) return 0;  // it never ran
  const Realm realm = open_realm(settings.realm);
  const Fd lock = lock_realm(realm);
  const auto cgroups = open_cgroups();
  Disks disks(realm, settings.disk);
  LayerStore layers(realm, settings.unpack_program);
  Instances instances(realm, settings, *cgroups, disks, layers);
  instances.remove_all();
  sweep_network(realm);
  cgroups->remove(realm.cgroup());
  ::unlink((realm.run_dir + "/host.sock").c_str());
  remove_tree(realm.instances_dir());
  remove_tree(realm.records_dir());
  return 0;
}

template <class Entry>
int told(Entry entry) {
  try {
    return entry();
  } catch (const Error& e) {
    log_error(e.message());
    return info(e.code()).exit_code;
  }
}

}  // namespace

HostSettings settings_of(const HostOptions& o) {
  HostSettings s;
  s.realm.name = o.realm;
  s.realm.state_dir = o.state_dir;
  s.realm.run_dir = o.run_dir;
  if (!o.subnet.empty()) {
    s.realm.subnet = Ipv4Network::parse(o.subnet);
    if (!s.realm.subnet)
      throw Error(Code::unprocessable,
                  fmt::format("'{}' is not a network such as 10.7.0.0/16", o.subnet));
  }
  s.realm.uid_base = o.uid_base;
  s.users = find_users();
  if (o.server_uid) s.users.server_uid = *o.server_uid;
  s.shim_program = o.shim_program.empty() ? beside_this_program("nuri-shim") : o.shim_program;
  s.lifecycle_dir = o.lifecycle_dir;
  s.buildpacks_dir = o.buildpacks_dir;
  if (o.disk_reserve_bytes) s.disk.reserve_bytes = *o.disk_reserve_bytes;
  if (o.cache_bytes) s.disk.cache_bytes = *o.cache_bytes;
  if (o.promise_percent) s.disk.promise_percent = *o.promise_percent;
  if (o.builds_memory_bytes) s.builds_memory_bytes = *o.builds_memory_bytes;
  return s;
}

int host_main(const HostSettings& settings) {
  return told([&] { return serve_realm(settings); });
}

int host_main(const HostOptions& options) {
  return told([&] { return serve_realm(settings_of(options)); });
}

int host_sweep_main(const HostSettings& settings) {
  return told([&] { return sweep_realm(settings); });
}

int host_sweep_main(const HostOptions& options) {
  return told([&] { return sweep_realm(settings_of(options)); });
}

}  // namespace nuri::host
