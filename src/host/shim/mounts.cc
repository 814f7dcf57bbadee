#include "host/shim/mounts.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include "host/shim/idmap.h"
#include "host/shim/inside.h"
#include "host/shim/loop_disk.h"

namespace nuri::shim {
namespace {

Result<> make_dir(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) {
    return failure("cannot make the directory " + path, errno);
  }
  return {};
}

Fd open_path(const std::string& path) { return Fd(::open(path.c_str(), O_PATH | O_CLOEXEC)); }

// Mounts the layers at m/0, m/1, …: short names, because all of them must fit one page of options.
Result<std::string> mount_layers(const ShimSpec& spec, int id_namespace) {
  std::string names;
  for (std::size_t i = 0; i < spec.lowers.size(); ++i) {
    std::string name = std::to_string(i);
    if (auto made = make_dir(name, 0755); !made) return std::unexpected(made.error());
    auto tree = detached_tree(spec.lowers[i], id_namespace, Access::read_only);
    if (!tree) return std::unexpected(tree.error());
    Fd target = open_path(name);
    if (auto done = attach(tree->get(), target.get(), name); !done) {
      return std::unexpected(done.error());
    }
    if (!names.empty()) names += ':';
    names += name;
  }
  return names;
}

// The upper directory is the root directory that the instance sees.
Result<> prepare_disk(const IdMap& ids) {
  for (const char* name : {"disk/upper", "disk/work"}) {
    if (auto made = make_dir(name, 0755); !made) return made;
    if (::chown(name, ids.instance_base, ids.instance_base) != 0) {
      return failure("cannot give the instance its disk", errno);
    }
  }
  return {};
}

Result<> mount_overlay(const std::string& dir, const std::string& layers) {
  std::string target = dir + "/rootfs";
  if (auto made = make_dir(target, 0755); !made) return made;
  std::string options = "lowerdir=" + layers + ",upperdir=disk/upper,workdir=disk/work,userxattr";
  if (::mount("nuri", target.c_str(), "overlay", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    return failure("cannot mount the overlay of the image's layers", errno);
  }
  return {};
}

Result<> add_disk(const Inside& inside, const Mount& mount, int id_namespace, std::size_t number) {
  std::string place = "d" + std::to_string(number);
  if (auto made = make_dir(place, 0700); !made) return made;
  if (auto done = mount_disk(mount.source, place, mount.access); !done) return done;
  auto tree = detached_tree(place, id_namespace, mount.access);
  if (!tree) return std::unexpected(tree.error());
  auto target = inside.directory(mount.target);
  if (!target) return std::unexpected(target.error());
  return attach(tree->get(), target->get(), mount.target);
}

Result<> add_tree(const Inside& inside, const Mount& mount, int id_namespace) {
  int map = mount.kind == MountKind::stored_tree ? id_namespace : -1;
  auto tree = detached_tree(mount.source, map, mount.access);
  if (!tree) return std::unexpected(tree.error());
  struct stat status{};
  if (::fstat(tree->get(), &status) != 0) return failure("cannot look at " + mount.source, errno);
  auto target =
      S_ISDIR(status.st_mode) ? inside.directory(mount.target) : inside.file(mount.target);
  if (!target) return std::unexpected(target.error());
  return attach(tree->get(), target->get(), mount.target);
}

Result<> add_mounts(const Inside& inside, const ShimSpec& spec, int id_namespace) {
  for (std::size_t i = 0; i < spec.mounts.size(); ++i) {
    const Mount& mount = spec.mounts[i];
    auto done = mount.kind == MountKind::stored_disk ? add_disk(inside, mount, id_namespace, i)
                                                     : add_tree(inside, mount, id_namespace);
    if (!done) return done;
  }
  // By its path: /proc/self/exe leads into the mount namespace that this process came from.
  char program[PATH_MAX];
  ssize_t length = ::readlink("/proc/self/exe", program, sizeof program);
  if (length <= 0) return failure("cannot find the shim's own program file", errno);
  Mount init{MountKind::plain_tree, Access::read_only,
             std::string(program, static_cast<std::size_t>(length)), std::string(kInitPath)};
  return add_tree(inside, init, id_namespace);
}

Result<> make_own_dirs(const Inside& inside, const ShimSpec& spec) {
  for (const std::string& path : spec.own_dirs) {
    auto made = inside.directory(path);
    if (!made) return std::unexpected(made.error());
    if (::fchownat(made->get(), "", spec.ids.instance_base + spec.uid,
                   spec.ids.instance_base + spec.gid, AT_EMPTY_PATH) != 0) {
      return failure("cannot give " + path + " to the app's user", errno);
    }
  }
  return {};
}

Result<> write_files(const Inside& inside, const ShimSpec& spec) {
  const std::pair<const char*, const std::string&> files[] = {
      {"/etc/resolv.conf", spec.resolv_conf},
      {"/etc/hosts", spec.hosts},
      {"/etc/hostname", spec.hostname},
  };
  for (const auto& [path, content] : files) {
    if (content.empty()) continue;
    if (auto done = inside.write(path, content); !done) return done;
  }
  auto tmp = inside.directory("/tmp");
  if (!tmp) return std::unexpected(tmp.error());
  std::string handle = "/proc/self/fd/" + std::to_string(tmp->get());
  if (::chmod(handle.c_str(), 01777) != 0) return failure("cannot open /tmp to the app", errno);
  return {};
}

}  // namespace

Result<> own_mount_namespace() {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
    return failure("cannot make this process's mounts its own", errno);
  }
  return {};
}

Result<Fd> build_root(const std::string& dir, const ShimSpec& spec) {
  std::string work = dir + "/m";
  if (auto made = make_dir(work, 0700); !made) return std::unexpected(made.error());
  if (::mount("nuri", work.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "size=256k,mode=0700") != 0 ||
      ::chdir(work.c_str()) != 0) {
    return failure("cannot make a place for mounts at " + work, errno);
  }
  auto id_namespace = make_id_namespace(spec.ids);
  if (!id_namespace) return std::unexpected(id_namespace.error());
  if (auto made = make_dir("disk", 0755); !made) return std::unexpected(made.error());
  Result<> done = mount_disk(spec.disk_image, "disk", Access::read_write);
  if (done) done = prepare_disk(spec.ids);
  if (!done) return std::unexpected(done.error());
  auto layers = mount_layers(spec, id_namespace->fd.get());
  if (!layers) return std::unexpected(layers.error());
  done = mount_overlay(dir, *layers);
  if (!done) return std::unexpected(done.error());

  Fd root = open_path(dir + "/rootfs");
  Inside inside{root.get(), spec.ids.instance_base, spec.ids.instance_base};
  done = add_mounts(inside, spec, id_namespace->fd.get());
  if (done) done = make_own_dirs(inside, spec);
  if (done) done = write_files(inside, spec);
  if (!done) return std::unexpected(done.error());

  Fd disk(::open("disk", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!disk) return failure("cannot open the instance's disk", errno);
  // The overlay keeps what it needs: the sandbox's copy of this namespace stays small.
  if (::chdir("/") != 0 || ::umount2(work.c_str(), MNT_DETACH) != 0) {
    return failure("cannot put away " + work, errno);
  }
  return disk;
}

Result<> hide_hybrid_cgroup() {
  struct statfs top{}, unified{};
  if (::statfs("/sys/fs/cgroup", &top) != 0) return failure("cannot look at /sys/fs/cgroup", errno);
  if (top.f_type == CGROUP2_SUPER_MAGIC) return {};
  if (::statfs("/sys/fs/cgroup/unified", &unified) != 0 || unified.f_type != CGROUP2_SUPER_MAGIC) {
    return {};
  }
  if (::umount2("/sys/fs/cgroup/unified", MNT_DETACH) != 0) {
    return failure("cannot hide /sys/fs/cgroup/unified from crun", errno);
  }
  return {};
}

}  // namespace nuri::shim
