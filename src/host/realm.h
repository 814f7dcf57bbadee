#pragma once

// Every name on the machine that Nuri uses, from one word: the realm. Two realms never touch each
// other's things. What is chosen by looking at the machine (subnet, user ids) is written down once,
// so that a restart, and instances that outlived the host, keep it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nuri::host {

inline constexpr std::uint32_t kSlots = 1000;          // instances at one time
inline constexpr std::uint32_t kIdsPerRange = 65'536;  // user ids of one sandbox

struct Ipv4 {
  std::uint32_t bits = 0;  // host byte order
  std::string str() const;
  static std::optional<Ipv4> parse(std::string_view text);
  friend auto operator<=>(Ipv4, Ipv4) = default;
};

struct Ipv4Network {
  Ipv4 base;
  int prefix = 32;
  std::string str() const;
  static std::optional<Ipv4Network> parse(std::string_view text);  // "10.7.0.0/16"
  bool overlaps(const Ipv4Network& other) const;
};

struct RealmSettings {
  std::string name = "nuri";                   // [a-z][a-z0-9-]*, ≤ 24
  std::string state_dir = {};                  // empty: /var/lib/nuri/NAME
  std::string run_dir = {};                    // empty: /run/nuri/NAME
  std::optional<Ipv4Network> subnet = {};      // a /16
  std::optional<std::uint32_t> uid_base = {};  // first of (kSlots + 1) × kIdsPerRange user ids
};

struct Realm {
  std::string name;
  std::string state_dir;
  std::string run_dir;
  Ipv4Network subnet;
  std::uint32_t uid_base = 0;

  std::string cgroup() const { return "nuri-" + name; }
  std::string nft_table() const;         // "nuri_NAME"
  std::string interface_prefix() const;  // "nr" and 6 hex digits
  std::string gateway_interface() const { return interface_prefix() + "gw"; }
  std::string interface(std::uint32_t slot) const;
  Ipv4 gateway() const { return {subnet.base.bits + 1}; }
  Ipv4 address(std::uint32_t slot) const { return {subnet.base.bits + 256 + slot}; }
  // Layers on disk belong to [store_ids, + kIdsPerRange), an instance's processes to
  // instance_ids(slot).
  std::uint32_t store_ids() const { return uid_base; }
  std::uint32_t instance_ids(std::uint32_t slot) const {
    return uid_base + (slot + 1) * kIdsPerRange;
  }

  std::string instances_dir() const { return run_dir + "/i"; }
  std::string records_dir() const { return run_dir + "/host"; }    // root's alone
  std::string private_dir() const { return state_dir + "/host"; }  // layers, disks: root's alone
  std::string logs_dir() const { return state_dir + "/logs"; }
};

// The machine as far as the choice depends on it.
struct MachineUse {
  std::vector<Ipv4Network> routes;                                 // but the default route
  std::vector<std::pair<std::uint32_t, std::uint32_t>> id_ranges;  // {first, count}
};
MachineUse look_at_machine(const std::string& state_dir);

// Pure: a /16 of 10/8 or 100.64/10, and an id range, that `use` does not have; where the search
// begins is a hash of the name. Throws Error{conflict} when a setting clashes, unavailable when
// nothing is free.
Realm choose_realm(const RealmSettings& settings, const MachineUse& use);

// The realm as written down in state_dir, or chosen and written down. Makes the directories. Throws
// Error{conflict} when a setting contradicts what is written while instances may live.
Realm open_realm(const RealmSettings& settings);
// The realm as written down; nullopt when there is none.
std::optional<Realm> find_realm(const RealmSettings& settings);

}  // namespace nuri::host
