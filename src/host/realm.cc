#include "host/realm.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/digest.h"
#include "base/error.h"
#include "base/json.h"
#include "host/kernel_file.h"

namespace nuri::host {
namespace {

constexpr int kPrefix = 16;
constexpr std::uint32_t kFirstId = 0x4000'0000;
constexpr std::uint32_t kLastId = 0xf000'0000;
constexpr std::uint32_t kIdsPerRealm = (kSlots + 1) * kIdsPerRange;

std::uint32_t hash_of(std::string_view text) {
  return static_cast<std::uint32_t>(std::stoul(Digest::of(text).hex().substr(0, 8), nullptr, 16));
}

void check_name(const std::string& name) {
  const bool fine = !name.empty() && name.size() <= 24 && name[0] >= 'a' && name[0] <= 'z' &&
                    std::ranges::all_of(name, [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
                    });
  if (!fine)
    throw Error(Code::unprocessable,
                fmt::format("'{}' cannot be a realm: a realm is 1 to 24 of a-z, 0-9 and -, and "
                            "begins with a letter",
                            name));
}

// The n-th of the networks to try: 100.64/10 has 64, 10/8 has 256.
Ipv4Network candidate(std::uint32_t n) {
  n %= 320;
  const std::uint32_t base = n < 64 ? 0x6440'0000u + (n << 16) : 0x0a00'0000u + ((n - 64) << 16);
  return {{base}, kPrefix};
}

Ipv4Network choose_subnet(const RealmSettings& settings, const MachineUse& use) {
  const auto clash = [&](const Ipv4Network& n) {
    return std::ranges::find_if(use.routes, [&](const auto& r) { return r.overlaps(n); });
  };
  if (settings.subnet) {
    if (settings.subnet->prefix != kPrefix)
      throw Error(Code::unprocessable,
                  fmt::format("the subnet {} is not a /{}", settings.subnet->str(), kPrefix));
    const auto taken = clash(*settings.subnet);
    if (taken != use.routes.end())
      throw Error(Code::conflict, fmt::format("the subnet {} overlaps this machine's route {}; "
                                              "choose another with --subnet",
                                              settings.subnet->str(), taken->str()));
    return *settings.subnet;
  }
  const std::uint32_t start = hash_of("subnet " + settings.name);
  for (std::uint32_t i = 0; i < 320; ++i) {
    const Ipv4Network n = candidate(start % 320 + i);
    if (clash(n) == use.routes.end()) return n;
  }
  throw Error(Code::unavailable,
              "no free /16 in 10.0.0.0/8 or 100.64.0.0/10: this machine has routes to all of them; "
              "give one with --subnet");
}

std::uint32_t choose_ids(const RealmSettings& settings, const MachineUse& use) {
  const auto clash = [&](std::uint64_t first) {
    return std::ranges::any_of(use.id_ranges, [&](const auto& r) {
      return first < std::uint64_t{r.first} + r.second && r.first < first + kIdsPerRealm;
    });
  };
  if (settings.uid_base) {
    const std::uint64_t base = *settings.uid_base;
    if (base < 100'000 || base + kIdsPerRealm > UINT32_MAX)
      throw Error(Code::unprocessable,
                  fmt::format("--uid-base {} leaves no room for {} user ids", base, kIdsPerRealm));
    if (clash(base))
      throw Error(Code::conflict,
                  fmt::format("the {} user ids from {} overlap those of /etc/subuid "
                              "or of another realm; choose others with --uid-base",
                              kIdsPerRealm, base));
    return *settings.uid_base;
  }
  constexpr std::uint32_t regions = (kLastId - kFirstId) / kIdsPerRealm;
  const std::uint32_t start = hash_of("ids " + settings.name) % regions;
  for (std::uint32_t i = 0; i < regions; ++i) {
    const std::uint32_t base = kFirstId + (start + i) % regions * kIdsPerRealm;
    if (!clash(base)) return base;
  }
  throw Error(Code::unavailable, "no free range of user ids; give one with --uid-base");
}

Realm named(const RealmSettings& settings) {
  check_name(settings.name);
  Realm realm;
  realm.name = settings.name;
  realm.state_dir = settings.state_dir.empty() ? "/var/lib/nuri/" + realm.name : settings.state_dir;
  realm.run_dir = settings.run_dir.empty() ? "/run/nuri/" + realm.name : settings.run_dir;
  for (const std::string& dir : {realm.state_dir, realm.run_dir})
    if (!dir.starts_with('/') || dir.size() > 60)
      throw Error(Code::unprocessable,
                  fmt::format("'{}' must be an absolute path of at most 60 bytes (paths of sockets "
                              "below it are limited to 107)",
                              dir));
  return realm;
}

void add_routes(MachineUse& use) {
  // Iface Destination Gateway Flags RefCnt Use Metric Mask …: addresses in hex, network byte order.
  const auto text = read_file_if_there("/proc/net/route").value_or("");
  std::size_t at = text.find('\n');
  while (at != std::string::npos && at + 1 < text.size()) {
    const std::size_t end = text.find('\n', at + 1);
    char name[32];
    unsigned destination = 0, mask = 0;
    if (std::sscanf(text.substr(at + 1, end - at - 1).c_str(), "%31s %x %*x %*x %*d %*d %*d %x",
                    name, &destination, &mask) == 3 &&
        mask != 0)
      use.routes.push_back({{ntohl(destination)}, __builtin_popcount(mask)});
    at = end;
  }
}

void add_subordinate_ids(MachineUse& use) {
  for (const char* path : {"/etc/subuid", "/etc/subgid"}) {
    std::string text = read_file_if_there(path).value_or("");
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      unsigned first = 0, count = 0;
      if (std::sscanf(text.substr(at, end - at).c_str(), "%*[^:]:%u:%u", &first, &count) == 2)
        use.id_ranges.emplace_back(first, count);
      at = end + 1;
    }
  }
}

std::string record_path(const Realm& realm) { return realm.private_dir() + "/realm.json"; }

std::optional<Realm> read_record(Realm realm) {
  const auto text = read_file_if_there(record_path(realm));
  if (!text) return std::nullopt;
  const json::object o = json::parse_object(*text);
  const auto subnet = Ipv4Network::parse(json::require_string(o, "subnet"));
  if (json::require_int(o, "version") != 1 || !subnet)
    throw Error(Code::data_loss,
                fmt::format("{} cannot be read by this version of Nuri", record_path(realm)));
  realm.subnet = *subnet;
  realm.uid_base = static_cast<std::uint32_t>(json::require_int(o, "uid_base"));
  return realm;
}

}  // namespace

std::string Ipv4::str() const {
  return fmt::format("{}.{}.{}.{}", bits >> 24, bits >> 16 & 255, bits >> 8 & 255, bits & 255);
}

std::optional<Ipv4> Ipv4::parse(std::string_view text) {
  in_addr a{};
  if (::inet_pton(AF_INET, std::string(text).c_str(), &a) != 1) return std::nullopt;
  return Ipv4{ntohl(a.s_addr)};
}

std::string Ipv4Network::str() const { return fmt::format("{}/{}", base.str(), prefix); }

std::optional<Ipv4Network> Ipv4Network::parse(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto base = Ipv4::parse(text.substr(0, slash));
  const auto prefix = parse_number(text.substr(slash + 1));
  if (!base || !prefix || *prefix > 32) return std::nullopt;
  const int bits = static_cast<int>(*prefix);
  if (bits < 32 && (base->bits << bits) != 0) return std::nullopt;
  return Ipv4Network{*base, bits};
}

bool Ipv4Network::overlaps(const Ipv4Network& other) const {
  const int bits = std::min(prefix, other.prefix);
  return bits == 0 || (base.bits ^ other.base.bits) >> (32 - bits) == 0;
}

std::string Realm::nft_table() const {
  std::string table = "nuri_" + name;
  std::ranges::replace(table, '-', '_');
  return table;
}

std::string Realm::interface_prefix() const { return "nr" + Digest::of(name).hex().substr(0, 6); }

std::string Realm::interface(std::uint32_t slot) const {
  return fmt::format("{}i{}", interface_prefix(), slot);
}

MachineUse look_at_machine(const std::string& state_dir) {
  MachineUse use;
  add_routes(use);
  add_subordinate_ids(use);
  // Realms beside this one, by their records.
  const std::string parent = state_dir.substr(0, state_dir.find_last_of('/'));
  if (parent.empty()) return use;
  std::vector<std::string> names;
  try {
    names = list_dir(parent);
  } catch (const Error&) {
    return use;
  }
  for (const std::string& name : names) {
    Realm other;
    other.state_dir = parent + "/" + name;
    if (other.state_dir == state_dir) continue;
    try {
      if (const auto found = read_record(other)) {
        use.id_ranges.emplace_back(found->uid_base, kIdsPerRealm);
        use.routes.push_back(found->subnet);
      }
    } catch (const Error&) {
      continue;  // not a realm, or one that cannot be read: it has no say
    }
  }
  return use;
}

Realm choose_realm(const RealmSettings& settings, const MachineUse& use) {
  Realm realm = named(settings);
  realm.subnet = choose_subnet(settings, use);
  realm.uid_base = choose_ids(settings, use);
  return realm;
}

std::optional<Realm> find_realm(const RealmSettings& settings) {
  return read_record(named(settings));
}

Realm open_realm(const RealmSettings& settings) {
  const Realm base = named(settings);
  make_dir(base.state_dir, 0755);
  make_dir(base.private_dir(), 0700);
  make_dir(base.run_dir, 0755);
  make_dir(base.instances_dir(), 0755);
  make_dir(base.records_dir(), 0700);
  if (auto realm = read_record(base)) {
    const bool same = (!settings.subnet || settings.subnet->base == realm->subnet.base) &&
                      (!settings.uid_base || *settings.uid_base == realm->uid_base);
    if (!same)
      throw Error(
          Code::conflict,
          fmt::format("realm {} uses subnet {} and user ids from {}, as written in {}; its "
                      "layers and instances depend on them. Start it without --subnet and "
                      "--uid-base, or with these",
                      realm->name, realm->subnet.str(), realm->uid_base, record_path(*realm)));
    return *realm;
  }
  const Realm realm = choose_realm(settings, look_at_machine(base.state_dir));
  write_record(record_path(realm),
               json::serialize(json::object{
                   {"version", 1}, {"subnet", realm.subnet.str()}, {"uid_base", realm.uid_base}}),
               Survives::power);
  return realm;
}

}  // namespace nuri::host
