#pragma once

// The few things that Nuri asks of rtnetlink: links, addresses, routes, neighbours. Blocking; one
// thread at a time. Each throws Error naming what was tried. rtnetlink(7).

#include <cstdint>
#include <string>

#include "base/fd.h"
#include "host/realm.h"

namespace nuri::host {

using Mac = std::uint64_t;  // 48 bits

class Netlink {
 public:
  // Of the network namespace that the calling thread is in.
  Netlink();
  // Of the namespace behind `netns` (/proc/PID/ns/net): opened by a thread of its own, which ends.
  static Netlink inside(int netns);

  // A veth pair: `name` here, `peer` in the namespace behind `netns`. Neither gets a link-local
  // IPv6 address by itself; both are down.
  void add_veth(const std::string& name, Mac mac, const std::string& peer, Mac peer_mac, int netns);
  void add_bridge(const std::string& name);
  // The interface will get no link-local IPv6 address by itself. To be called while it is down.
  void forgo_ipv6(const std::string& name);
  // Nothing there is a success.
  void remove_link(const std::string& name);
  void set_up(const std::string& name);
  void add_address(const std::string& interface, const Ipv4Network& address);
  // To `to` on the link; with `via` the default route goes over it though no subnet says that it is
  // there.
  void add_route(const std::string& interface, const Ipv4Network& to);
  void add_default_route(const std::string& interface, Ipv4 via, Ipv4 source);
  // Who is where for good: no ARP is asked.
  void add_neighbour(const std::string& interface, Ipv4 address, Mac mac);

  // 0: there is none.
  int index_of(const std::string& interface);

 private:
  explicit Netlink(Fd socket) : socket_(std::move(socket)) {}
  // Sends the message and awaits its acknowledgement; errno, 0 = done.
  int ask(void* message);
  void must(void* message, const std::string& doing);

  Fd socket_;
  std::uint32_t sequence_ = 0;
};

}  // namespace nuri::host
