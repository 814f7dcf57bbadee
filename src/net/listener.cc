#include "net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>

#include <charconv>
#include <cstring>
#include <thread>

#include "base/error.h"

namespace nuri::net {
namespace {

constexpr int kBacklog = 4096;
constexpr int kFirstHandedIn = 3;  // SD_LISTEN_FDS_START
constexpr int kMostHandedIn = 256;

[[noreturn]] void cannot_listen(const Address& address, int err) {
  const std::string where = address.str();
  if (err == EADDRINUSE)
    throw Error(Code::conflict,
                fmt::format("cannot listen on {}: another program already does. Stop it, or "
                            "choose another port",
                            where));
  if (err == EACCES)
    throw Error(
        Code::forbidden,
        fmt::format("cannot listen on {}: not permitted. Ports under 1024 need root", where));
  throw Error(Code::unavailable, fmt::format("cannot listen on {}: {}", where, std::strerror(err)));
}

int number_in(const char* variable) {
  const char* text = ::getenv(variable);
  if (!text) return -1;
  int value = -1;
  const std::string_view digits(text);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return error == std::errc() && end == digits.data() + digits.size() ? value : -1;
}

}  // namespace

Fd listen_on(const Address& address, ReusePort reuse) {
  Fd socket(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) cannot_listen(address, errno);
  const int one = 1;
  if (!address.is_path()) ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (reuse == ReusePort::yes)
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
  if (::bind(socket.get(), address.raw(), address.bytes()) != 0 ||
      ::listen(socket.get(), kBacklog) != 0)
    cannot_listen(address, errno);
  return socket;
}

Fd at_start(const std::function<Fd()>& listen) {
  for (int left = 50;; --left) try {
      return listen();
    } catch (const Error& error) {
      if (error.code() != Code::conflict || left == 0) throw;
      std::this_thread::sleep_for(20ms);
    }
}

Fd listen_at_start(const Address& address) {
  return at_start([&] { return listen_on(address); });
}

Address local_address(int socket) {
  sockaddr_storage storage{};
  socklen_t bytes = sizeof storage;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&storage), &bytes) != 0) return {};
  return Address::from(reinterpret_cast<const sockaddr*>(&storage), bytes);
}

std::vector<HandedIn> handed_in_listeners() {
  const int count = number_in("LISTEN_FDS");
  const int pid = number_in("LISTEN_PID");
  std::vector<HandedIn> out;
  if (count > 0 && count <= kMostHandedIn && (pid < 0 || pid == ::getpid())) {
    const char* text = ::getenv("LISTEN_FDNAMES");
    std::string_view names = text ? text : "";
    for (int i = 0; i < count; ++i) {
      const std::string_view name = names.substr(0, names.find(':'));
      names.remove_prefix(std::min(names.size(), name.size() + 1));
      ::fcntl(kFirstHandedIn + i, F_SETFD, FD_CLOEXEC);
      out.push_back({std::string(name), Fd(kFirstHandedIn + i)});
    }
  }
  for (const char* variable : {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"}) ::unsetenv(variable);
  return out;
}

}  // namespace nuri::net
