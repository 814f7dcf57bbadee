#include "host/shim/door_sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "host/shim/network.h"

namespace nuri::shim {
namespace {

void read_table(const char* path, bool v6, std::vector<ListenAddress>& all) {
  Fd file(::open(path, O_RDONLY | O_CLOEXEC));
  TcpTable table(v6);
  char piece[4096];
  for (ssize_t n = 0; file && (n = ::read(file.get(), piece, sizeof piece)) > 0;) {
    if (!table.feed({piece, static_cast<std::size_t>(n)})) break;
  }
  all.insert(all.end(), table.listening().begin(), table.listening().end());
}

// False: the kernel cannot be asked so.
bool ask_diag(int netlink, bool v6, std::vector<ListenAddress>& all) {
  struct {
    nlmsghdr header;
    inet_diag_req_v2 query;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.query.sdiag_family = v6 ? AF_INET6 : AF_INET;
  request.query.sdiag_protocol = IPPROTO_TCP;
  request.query.idiag_states = 1U << TCP_LISTEN;
  if (::send(netlink, &request, sizeof request, 0) < 0) return false;
  alignas(nlmsghdr) char bytes[8192];
  bool answered = false;
  for (;;) {
    ssize_t size = ::recv(netlink, bytes, sizeof bytes, 0);
    if (size < static_cast<ssize_t>(sizeof(nlmsghdr))) return answered;
    nlmsghdr first;
    std::memcpy(&first, bytes, sizeof first);
    if (first.nlmsg_type == NLMSG_ERROR) return false;
    if (first.nlmsg_type == NLMSG_DONE) {  // with an error number: no tcp_diag in this kernel
      int error = 0;
      if (first.nlmsg_len < NLMSG_LENGTH(sizeof error)) return true;
      std::memcpy(&error, bytes + NLMSG_LENGTH(0), sizeof error);
      return error >= 0;
    }
    answered = true;
    if (!read_diag({bytes, static_cast<std::size_t>(size)}, all)) return true;
  }
}

bool bind_outside(int socket, bool v6) {
  if (v6) {
    sockaddr_in6 from{};
    from.sin6_family = AF_INET6;
    ::inet_pton(AF_INET6, kDoorIPv6, &from.sin6_addr);
    return ::bind(socket, reinterpret_cast<sockaddr*>(&from), sizeof from) == 0;
  }
  sockaddr_in from{};
  from.sin_family = AF_INET;
  ::inet_pton(AF_INET, kDoorIPv4, &from.sin_addr);
  return ::bind(socket, reinterpret_cast<sockaddr*>(&from), sizeof from) == 0;
}

}  // namespace

std::vector<ListenAddress> read_listening() {
  std::vector<ListenAddress> all;
  Fd netlink(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (netlink && ask_diag(netlink.get(), false, all) && ask_diag(netlink.get(), true, all)) {
    return all;
  }
  all.clear();
  read_table("/proc/self/net/tcp", false, all);
  read_table("/proc/self/net/tcp6", true, all);
  return all;
}

Result<Fd> make_door_socket(const ListenAddress& to) {
  const int on = 1;
  Fd made(::socket(to.v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  // The port is chosen at connect(): many sockets may then share one, to different ends.
  if (!made || ::setsockopt(made.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
      ::setsockopt(made.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) != 0 ||
      !bind_outside(made.get(), to.v6)) {
    return failure("cannot make a socket in the instance's network", errno);
  }
  return made;
}

}  // namespace nuri::shim
