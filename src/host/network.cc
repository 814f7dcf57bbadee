#include "host/network.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "host/kernel_file.h"
#include "host/netlink.h"
#include "host/program.h"

namespace nuri::host {
namespace {

constexpr const char* kNft = "/usr/sbin/nft";
constexpr const char* kInside = "eth0";

// Locally administered (RFC 7042, 2.1): fixed by realm and slot, so that nothing has to be asked.
Mac mac_of(const Realm& realm, std::uint32_t slot, unsigned side) {
  return Mac{0x02} << 40 | Mac{side} << 32 | realm.address(slot).bits;
}

std::string conf(const std::string& interface, const char* key) {
  return fmt::format("/proc/sys/net/ipv4/conf/{}/{}", interface, key);
}

std::string nft(const std::string& input, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "nft");
  return require_program({kNft, std::move(arguments), {"PATH=/usr/sbin:/usr/bin"}, input, 30s, {}});
}

std::string changed_path(const Realm& realm) { return realm.records_dir() + "/forwarding.json"; }

// Interfaces of the host that something is routed over: what instances send may leave there, and
// the answers come in there, where forwarding must be allowed too.
std::set<std::string> uplinks(const Realm& realm) {
  std::set<std::string> names;
  const std::string text = read_file_if_there("/proc/net/route").value_or("");
  std::size_t at = text.find('\n');
  while (at != std::string::npos && at + 1 < text.size()) {
    const std::string name = text.substr(at + 1, text.find('\t', at + 1) - at - 1);
    if (!name.starts_with(realm.interface_prefix()) && name != "lo") names.insert(name);
    at = text.find('\n', at + 1);
  }
  return names;
}

// Turns forwarding on for the uplinks alone and remembers which were off.
void allow_forwarding(const Realm& realm) {
  json::array changed;
  if (const auto text = read_file_if_there(changed_path(realm)))
    changed = json::require_array(json::parse_object(*text), "interfaces");
  bool any = false;
  for (const std::string& name : uplinks(realm)) {
    const std::string path = conf(name, "forwarding");
    if (read_file_if_there(path).value_or("1\n") != "0\n") continue;
    write_kernel_file(path, "1");
    changed.emplace_back(name);
    any = true;
  }
  if (any)
    write_record(changed_path(realm), json::serialize(json::object{{"interfaces", changed}}),
                 Survives::process);
}

// Another realm on this machine needs it too, whoever turned it on.
bool has_other_realms() {
  return nft("", {"list", "tables"}).find("inet nuri_") != std::string::npos;
}

void put_forwarding_back(const Realm& realm) {
  const auto text = read_file_if_there(changed_path(realm));
  if (!text || has_other_realms()) return;
  for (const json::value& name : json::require_array(json::parse_object(*text), "interfaces")) {
    if (!name.is_string()) continue;
    const std::string path = conf(std::string(name.get_string()), "forwarding");
    if (!read_file_if_there(path)) continue;  // that interface is gone
    try {
      write_kernel_file(path, "0");
    } catch (const Error& e) {
      log_info("forwarding was not put back",
               {{"interface", name.get_string().c_str()}, {"error", e.message()}});
    }
  }
  ::unlink(changed_path(realm).c_str());
}

}  // namespace

std::string nft_rules(const Realm& realm) {
  const std::string ours = realm.interface_prefix() + "i*";
  std::string owners;
  for (std::uint32_t slot = 0; slot < kSlots; ++slot)
    owners += fmt::format("{}\"{}\" . {}", slot ? ", " : "", realm.interface(slot),
                          realm.address(slot).str());
  return fmt::format(R"(table inet {table}
delete table inet {table}
table inet {table} {{
  set owners {{
    typeof iifname . ip saddr
    elements = {{ {owners} }}
  }}
  set allowed {{
    typeof ip saddr . ip daddr
  }}
  chain early {{
    type filter hook prerouting priority raw; policy accept;
    iifname "{ours}" meta nfproto != ipv4 drop
    iifname "{ours}" iifname . ip saddr != @owners drop
    iifname != {{ "lo", "{gateway_if}" }} iifname != "{ours}" ip daddr {subnet} drop
  }}
  chain to_host {{
    type filter hook input priority filter; policy accept;
    iifname != "{ours}" accept
    ip daddr {gateway} meta l4proto {{ tcp, udp }} th dport 53 accept
    drop
  }}
  chain through {{
    type filter hook forward priority filter; policy accept;
    iifname != "{ours}" oifname != "{ours}" accept
    iifname "{ours}" oifname "{ours}" ip saddr . ip daddr @allowed accept
    iifname "{ours}" oifname "{ours}" ct state established,related accept
    iifname "{ours}" oifname {{ "{gateway_if}", "lo" }} drop
    iifname "{ours}" oifname "{ours}" drop
    iifname "{ours}" ip daddr {{ 169.254.0.0/16, {subnet} }} drop
    iifname "{ours}" accept
    ct state established,related accept
    drop
  }}
  chain outwards {{
    type nat hook postrouting priority srcnat; policy accept;
    iifname "{ours}" oifname != "{ours}" masquerade
  }}
}}
)",
                     fmt::arg("table", realm.nft_table()), fmt::arg("owners", owners),
                     fmt::arg("ours", ours), fmt::arg("gateway_if", realm.gateway_interface()),
                     fmt::arg("gateway", realm.gateway().str()),
                     fmt::arg("subnet", realm.subnet.str()));
}

void prepare_network(const Realm& realm) {
  Netlink netlink;
  const std::string gateway = realm.gateway_interface();
  if (!netlink.index_of(gateway)) netlink.add_bridge(gateway);
  netlink.forgo_ipv6(gateway);
  netlink.add_address(gateway, {realm.gateway(), realm.subnet.prefix});
  netlink.set_up(gateway);
  nft(nft_rules(realm), {"-f", "-"});
  allow_forwarding(realm);
}

void connect_instance(const Realm& realm, std::uint32_t slot, int pid) {
  Fd netns(::open(fmt::format("/proc/{}/ns/net", pid).c_str(), O_RDONLY | O_CLOEXEC));
  if (!netns) throw system_error(fmt::format("opening the network namespace of {}", pid), errno);
  const std::string name = realm.interface(slot);
  const Mac outer = mac_of(realm, slot, 0), inner = mac_of(realm, slot, 1);
  const Ipv4 address = realm.address(slot);
  Netlink here;
  here.remove_link(name);
  here.add_veth(name, outer, kInside, inner, netns.get());
  write_kernel_file(conf(name, "forwarding"), "1");
  write_kernel_file(conf(name, "rp_filter"), "1");
  write_kernel_file(conf(name, "accept_redirects"), "0");
  write_kernel_file(conf(name, "send_redirects"), "0");
  here.forgo_ipv6(name);
  here.set_up(name);
  here.add_route(name, {address, 32});
  here.add_neighbour(name, address, inner);
  Netlink inside = Netlink::inside(netns.get());
  inside.forgo_ipv6(kInside);
  inside.set_up(kInside);
  inside.add_address(kInside, {address, 32});
  inside.add_default_route(kInside, realm.gateway(), address);
  inside.add_neighbour(kInside, realm.gateway(), outer);
  allow_forwarding(realm);
}

void disconnect_instance(const Realm& realm, std::uint32_t slot) {
  Netlink().remove_link(realm.interface(slot));
}

void sweep_network(const Realm& realm) {
  Netlink netlink;
  for (const std::string& name : list_dir("/sys/class/net"))
    if (name.starts_with(realm.interface_prefix())) netlink.remove_link(name);
  nft(fmt::format("table inet {0}\ndelete table inet {0}\n", realm.nft_table()), {"-f", "-"});
  put_forwarding_back(realm);
}

std::string forwarding_obstacle(const Realm& realm) {
  const json::object rules = json::parse_object(nft("", {"-j", "list", "chains"}));
  for (const json::value& item : json::require_array(rules, "nftables")) {
    if (!item.is_object()) continue;
    const json::object* chain = json::find_object(item.get_object(), "chain");
    if (!chain || json::get_string(*chain, "hook") != "forward") continue;
    const std::string table = json::get_string(*chain, "table");
    const std::string family = json::get_string(*chain, "family");
    if (json::get_string(*chain, "policy") != "drop" || table == realm.nft_table()) continue;
    return fmt::format(
        "the firewall table '{} {}' drops forwarded packets unless its own rules accept them, so "
        "instances cannot reach the outside; let them pass with: nft insert rule {} {} {} iifname "
        "\"{}i*\" accept; and the same with oifname and 'ct state established,related'",
        family, table, family, table, json::get_string(*chain, "name"), realm.interface_prefix());
  }
  return {};
}

}  // namespace nuri::host
