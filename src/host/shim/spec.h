#pragma once

// What the host asks of one shim: the file DIR/shim.spec, written by the host, read once by
// `nuri-shim run DIR` while it is root. Format: docs/formats/shim.md. Pure functions, no I/O, no
// exceptions: the static shim uses them too.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace nuri::shim {

inline constexpr std::string_view kSpecFirstLine = "nuri-shim-spec 1";
inline constexpr std::string_view kSpecLastLine = "end";
inline constexpr std::size_t kSpecBytes = 160 * 1024;  // of an encoded spec
inline constexpr std::size_t kSpecList = 1024;         // entries of one list (env, layers, …)
inline constexpr std::size_t kLowers = 120;            // layers of one root file system
inline constexpr std::string_view kInitPath = "/.nuri/init";  // where a sandbox sees its init

enum class Kind { app, build };
enum class Access { read_only, read_write };
// What a mount shows. plain_tree: a directory or file as it is. stored_tree: the same, owned by the
// store range and idmapped to the instance's. stored_disk: an ext4 image (loop device), its files
// owned by the store range and idmapped.
enum class MountKind { plain_tree, stored_tree, stored_disk };

// Ids on disk [store_base, +size) are the instance's [instance_base, +size) on the host, and
// [0, +size) inside. config.json must map 0 -> instance_base, size.
struct IdMap {
  std::uint32_t store_base = 0;
  std::uint32_t instance_base = 0;
  std::uint32_t size = 0;
  friend bool operator==(const IdMap&, const IdMap&) = default;
};

struct Mount {
  MountKind kind = MountKind::plain_tree;
  Access access = Access::read_only;
  std::string source{};  // absolute path on the host
  std::string target{};  // absolute path inside; made when missing, never through a link outwards
  friend bool operator==(const Mount&, const Mount&) = default;
};

struct Rlimit {
  std::string
      name;  // as in setrlimit(2) without RLIMIT_, lower case: nofile, nproc, core, fsize, …
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
  friend bool operator==(const Rlimit&, const Rlimit&) = default;
};

// Absolute paths of the instance's own cgroup directories; they exist before "go". Version 2 uses
// `unified` only, version 1 the others.
struct Cgroups {
  int version = 1;
  std::string unified{};
  std::string freezer{};
  std::string memory{};
  std::string cpuacct{};
  std::string pids{};
  friend bool operator==(const Cgroups&, const Cgroups&) = default;
};

// Users of the host. The shim becomes shim_uid:shim_gid with shim_groups (nuri-logs) for good;
// ctl.sock belongs to server_gid and answers server_uid, door.sock to router_gid and router_uid.
// Root may use both.
struct Owners {
  std::uint32_t shim_uid = 0;
  std::uint32_t shim_gid = 0;
  std::vector<std::uint32_t> shim_groups{};
  std::uint32_t server_uid = 0;
  std::uint32_t server_gid = 0;
  std::uint32_t router_uid = 0;
  std::uint32_t router_gid = 0;
  friend bool operator==(const Owners&, const Owners&) = default;
};

struct ShimSpec {
  std::string guid{};
  std::string app_guid{};
  std::uint32_t index = 0;
  Kind kind = Kind::app;

  std::string log_source{};  // APP/PROC/WEB, STG: written into the segments
  std::string log_dir{};     // directory for the segments, writable for shim_uid

  std::string crun = "/usr/bin/crun";
  std::vector<std::string> lowers{};    // unpacked layers owned by the store range, top first
  std::string disk_image{};             // ext4 image for everything that the instance writes
  std::vector<Mount> mounts{};          // in this order, onto the root file system
  std::vector<std::string> own_dirs{};  // directories inside, made if missing, given to uid:gid
  std::string resolv_conf{};            // contents of /etc/resolv.conf, /etc/hosts, /etc/hostname
  std::string hosts{};
  std::string hostname{};

  IdMap ids;
  std::uint32_t uid = 1000;  // inside: the app's
  std::uint32_t gid = 1000;
  std::vector<std::uint32_t> groups{};
  std::vector<std::string> argv{};  // argv[0] without '/' is looked up in PATH of env
  std::vector<std::string> env{};   // NAME=value
  std::string cwd = "/";
  std::vector<Rlimit> rlimits{};

  std::uint16_t port = 0;  // where the app is expected to listen; 0: nowhere
  int stop_signal = 15;
  std::uint32_t grace_ms = 10'000;

  Cgroups cgroups;
  Owners owners;

  friend bool operator==(const ShimSpec&, const ShimSpec&) = default;
};

// The text of the file. Does not check: parse() does.
std::string encode(const ShimSpec& spec);

// The spec in `text`, or what is wrong with it, naming line and key. Strict: version, every key
// known, scalars once, required keys there, paths absolute without "..", the closing line present.
std::expected<ShimSpec, std::string> parse(std::string_view text);

}  // namespace nuri::shim
