#include "host/netlink.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <thread>

#include "base/error.h"

namespace nuri::host {
namespace {

constexpr std::uint16_t kCreate = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;

struct Message {
  alignas(nlmsghdr) std::array<char, 2048> buffer{};
  nlmsghdr* header;
  explicit Message(std::uint16_t type, std::uint16_t flags)
      : header(mnl_nlmsg_put_header(buffer.data())) {
    header->nlmsg_type = type;
    header->nlmsg_flags = flags;
  }
  template <class T>
  T* extra() {
    return static_cast<T*>(mnl_nlmsg_put_extra_header(header, sizeof(T)));
  }
};

std::array<unsigned char, 6> bytes_of(Mac mac) {
  std::array<unsigned char, 6> out{};
  for (std::size_t i = 0; i < 6; ++i) out[i] = static_cast<unsigned char>(mac >> (40 - 8 * i));
  return out;
}

void put_end_of_link(nlmsghdr* h, const std::string& name, Mac mac) {
  mnl_attr_put_strz(h, IFLA_IFNAME, name.c_str());
  const auto bytes = bytes_of(mac);
  mnl_attr_put(h, IFLA_ADDRESS, bytes.size(), bytes.data());
}

void put_ipv4(nlmsghdr* h, std::uint16_t type, Ipv4 address) {
  mnl_attr_put_u32(h, type, htonl(address.bits));
}

Fd open_socket() {
  Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd) throw system_error("opening a netlink socket", errno);
  timeval wait{10, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  return fd;
}

}  // namespace

Netlink::Netlink() : socket_(open_socket()) {}

Netlink Netlink::inside(int netns) {
  Fd socket;
  int err = 0;
  // A thread of its own, so that no thread that does other work is ever in the wrong namespace.
  std::thread([&] {
    if (::setns(netns, CLONE_NEWNET) != 0) {
      err = errno;
      return;
    }
    socket = Fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    if (!socket) err = errno;
  }).join();
  if (err) throw system_error("entering an instance's network namespace", err);
  timeval wait{10, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  return Netlink(std::move(socket));
}

int Netlink::ask(void* message) {
  auto* h = static_cast<nlmsghdr*>(message);
  h->nlmsg_seq = ++sequence_;
  if (::send(socket_.get(), h, h->nlmsg_len, 0) < 0) return errno;
  alignas(nlmsghdr) std::array<char, 8192> answer;
  for (;;) {
    const ssize_t n = ::recv(socket_.get(), answer.data(), answer.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EAGAIN ? ETIMEDOUT : errno;
    int left = static_cast<int>(n);
    for (auto* r = reinterpret_cast<nlmsghdr*>(answer.data()); mnl_nlmsg_ok(r, left);
         r = mnl_nlmsg_next(r, &left)) {
      if (r->nlmsg_seq != sequence_ || r->nlmsg_type != NLMSG_ERROR) continue;
      return -static_cast<nlmsgerr*>(mnl_nlmsg_get_payload(r))->error;
    }
  }
}

void Netlink::must(void* message, const std::string& doing) {
  if (const int err = ask(message)) throw system_error(doing, err);
}

int Netlink::index_of(const std::string& interface) {
  // Through this socket's namespace, not the thread's.
  ifreq request{};
  std::strncpy(request.ifr_name, interface.c_str(), IFNAMSIZ - 1);
  return ::ioctl(socket_.get(), SIOCGIFINDEX, &request) == 0 ? request.ifr_ifindex : 0;
}

void Netlink::add_veth(const std::string& name, Mac mac, const std::string& peer, Mac peer_mac,
                       int netns) {
  Message m(RTM_NEWLINK, kCreate);
  m.extra<ifinfomsg>();
  put_end_of_link(m.header, name, mac);
  nlattr* info = mnl_attr_nest_start(m.header, IFLA_LINKINFO);
  mnl_attr_put_strz(m.header, IFLA_INFO_KIND, "veth");
  nlattr* data = mnl_attr_nest_start(m.header, IFLA_INFO_DATA);
  nlattr* other = mnl_attr_nest_start(m.header, VETH_INFO_PEER);
  m.extra<ifinfomsg>();
  put_end_of_link(m.header, peer, peer_mac);
  mnl_attr_put_u32(m.header, IFLA_NET_NS_FD, static_cast<std::uint32_t>(netns));
  mnl_attr_nest_end(m.header, other);
  mnl_attr_nest_end(m.header, data);
  mnl_attr_nest_end(m.header, info);
  must(m.header, fmt::format("making the interface pair {}", name));
}

void Netlink::add_bridge(const std::string& name) {
  Message m(RTM_NEWLINK, kCreate);
  m.extra<ifinfomsg>();
  mnl_attr_put_strz(m.header, IFLA_IFNAME, name.c_str());
  nlattr* info = mnl_attr_nest_start(m.header, IFLA_LINKINFO);
  mnl_attr_put_strz(m.header, IFLA_INFO_KIND, "bridge");
  mnl_attr_nest_end(m.header, info);
  must(m.header, fmt::format("making the interface {}", name));
}

void Netlink::forgo_ipv6(const std::string& name) {
  Message m(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK);
  m.extra<ifinfomsg>();
  mnl_attr_put_strz(m.header, IFLA_IFNAME, name.c_str());
  nlattr* families = mnl_attr_nest_start(m.header, IFLA_AF_SPEC);
  nlattr* inet6 = mnl_attr_nest_start(m.header, AF_INET6);
  mnl_attr_put_u8(m.header, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
  mnl_attr_nest_end(m.header, inet6);
  mnl_attr_nest_end(m.header, families);
  const int err = ask(m.header);
  // A kernel without IPv6 gives no such address anyway.
  if (err && err != EAFNOSUPPORT) throw system_error(fmt::format("setting up {}", name), err);
}

void Netlink::remove_link(const std::string& name) {
  Message m(RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK);
  m.extra<ifinfomsg>();
  mnl_attr_put_strz(m.header, IFLA_IFNAME, name.c_str());
  const int err = ask(m.header);
  if (err && err != ENODEV) throw system_error(fmt::format("removing the interface {}", name), err);
}

void Netlink::set_up(const std::string& name) {
  Message m(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK);
  auto* link = m.extra<ifinfomsg>();
  link->ifi_flags = IFF_UP;
  link->ifi_change = IFF_UP;
  mnl_attr_put_strz(m.header, IFLA_IFNAME, name.c_str());
  must(m.header, fmt::format("taking the interface {} up", name));
}

void Netlink::add_address(const std::string& interface, const Ipv4Network& address) {
  Message m(RTM_NEWADDR, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);
  auto* a = m.extra<ifaddrmsg>();
  a->ifa_family = AF_INET;
  a->ifa_prefixlen = static_cast<std::uint8_t>(address.prefix);
  a->ifa_scope = RT_SCOPE_UNIVERSE;
  a->ifa_index = static_cast<std::uint32_t>(index_of(interface));
  put_ipv4(m.header, IFA_LOCAL, address.base);
  put_ipv4(m.header, IFA_ADDRESS, address.base);
  must(m.header, fmt::format("giving {} to the interface {}", address.str(), interface));
}

void Netlink::add_route(const std::string& interface, const Ipv4Network& to) {
  Message m(RTM_NEWROUTE, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);
  auto* r = m.extra<rtmsg>();
  r->rtm_family = AF_INET;
  r->rtm_dst_len = static_cast<std::uint8_t>(to.prefix);
  r->rtm_table = RT_TABLE_MAIN;
  r->rtm_protocol = RTPROT_STATIC;
  r->rtm_scope = RT_SCOPE_LINK;
  r->rtm_type = RTN_UNICAST;
  put_ipv4(m.header, RTA_DST, to.base);
  mnl_attr_put_u32(m.header, RTA_OIF, static_cast<std::uint32_t>(index_of(interface)));
  must(m.header, fmt::format("routing {} over {}", to.str(), interface));
}

void Netlink::add_default_route(const std::string& interface, Ipv4 via, Ipv4 source) {
  Message m(RTM_NEWROUTE, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);
  auto* r = m.extra<rtmsg>();
  r->rtm_family = AF_INET;
  r->rtm_table = RT_TABLE_MAIN;
  r->rtm_protocol = RTPROT_STATIC;
  r->rtm_scope = RT_SCOPE_UNIVERSE;
  r->rtm_type = RTN_UNICAST;
  r->rtm_flags = RTNH_F_ONLINK;
  put_ipv4(m.header, RTA_GATEWAY, via);
  put_ipv4(m.header, RTA_PREFSRC, source);
  mnl_attr_put_u32(m.header, RTA_OIF, static_cast<std::uint32_t>(index_of(interface)));
  must(m.header, fmt::format("routing everything over {} by {}", interface, via.str()));
}

void Netlink::add_neighbour(const std::string& interface, Ipv4 address, Mac mac) {
  Message m(RTM_NEWNEIGH, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);
  auto* n = m.extra<ndmsg>();
  n->ndm_family = AF_INET;
  n->ndm_ifindex = index_of(interface);
  n->ndm_state = NUD_PERMANENT;
  put_ipv4(m.header, NDA_DST, address);
  const auto bytes = bytes_of(mac);
  mnl_attr_put(m.header, NDA_LLADDR, bytes.size(), bytes.data());
  must(m.header, fmt::format("telling {} where {} is", interface, address.str()));
}

}  // namespace nuri::host
