#include "host/shim/network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/fd.h"

namespace nuri::shim {
namespace {

struct AddressRequest {
  nlmsghdr header;
  ifaddrmsg address;
  char attributes[64];
};

void add_attribute(AddressRequest& request, unsigned short type, const void* data,
                   std::size_t bytes) {
  char* at = reinterpret_cast<char*>(&request) + NLMSG_ALIGN(request.header.nlmsg_len);
  rtattr attribute{static_cast<unsigned short>(RTA_LENGTH(bytes)), type};
  std::memcpy(at, &attribute, sizeof attribute);
  std::memcpy(at + RTA_LENGTH(0), data, bytes);
  request.header.nlmsg_len =
      NLMSG_ALIGN(request.header.nlmsg_len) + static_cast<__u32>(RTA_ALIGN(attribute.rta_len));
}

Result<> add_address(int netlink, unsigned lo, int family, const char* text) {
  unsigned char bytes[16] = {};
  ::inet_pton(family, text, bytes);
  std::size_t size = family == AF_INET ? 4 : 16;
  AddressRequest request{};
  request.header.nlmsg_len = NLMSG_LENGTH(sizeof(ifaddrmsg));
  request.header.nlmsg_type = RTM_NEWADDR;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
  request.address.ifa_family = static_cast<unsigned char>(family);
  request.address.ifa_prefixlen = static_cast<unsigned char>(size * 8);
  request.address.ifa_scope = RT_SCOPE_HOST;
  request.address.ifa_index = lo;
  add_attribute(request, IFA_LOCAL, bytes, size);
  add_attribute(request, IFA_ADDRESS, bytes, size);

  std::string doing = std::string("cannot add ") + text + " to lo";
  if (::send(netlink, &request, request.header.nlmsg_len, 0) < 0) return failure(doing, errno);
  struct {
    nlmsghdr header;
    nlmsgerr error;
    char rest[256];
  } answer{};
  if (::recv(netlink, &answer, sizeof answer, 0) < 0) return failure(doing, errno);
  if (answer.header.nlmsg_type == NLMSG_ERROR && answer.error.error != 0) {
    return failure(doing, -answer.error.error);
  }
  return {};
}

Result<> bring_up(const char* name) {
  Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, name);
  if (!socket || ::ioctl(socket.get(), SIOCGIFFLAGS, &request) != 0) {
    return failure("cannot find the loopback interface", errno);
  }
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) {
    return failure("cannot bring the loopback interface up", errno);
  }
  return {};
}

}  // namespace

Result<> prepare_loopback() {
  if (auto up = bring_up("lo"); !up) return up;
  Fd netlink(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!netlink) return failure("cannot open a netlink socket", errno);
  unsigned lo = ::if_nametoindex("lo");
  if (auto added = add_address(netlink.get(), lo, AF_INET, kDoorIPv4); !added) return added;
  // Where IPv6 is switched off this fails, and nothing inside can listen on it either.
  (void)add_address(netlink.get(), lo, AF_INET6, kDoorIPv6);
  // /proc/sys/net shows the namespace of who opens it.
  Fd first(::open("/proc/sys/net/ipv4/ip_unprivileged_port_start", O_WRONLY | O_CLOEXEC));
  if (!first || ::write(first.get(), "0", 1) != 1) {
    return failure("cannot open low ports to the app (ip_unprivileged_port_start)", errno);
  }
  return {};
}

}  // namespace nuri::shim
