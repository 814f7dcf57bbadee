#include "host/shim/door_sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

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
