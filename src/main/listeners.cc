#include "main/listeners.h"

#include <errno.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>

#include "base/error.h"

namespace nuri {
namespace {

Fd dns_socket(const net::Address& address, int type) {
  Fd socket(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int one = 1;
  if (!socket || ::setsockopt(socket.get(), IPPROTO_IP, IP_FREEBIND, &one, sizeof one) != 0 ||
      ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
      ::bind(socket.get(), address.raw(), address.bytes()) != 0 ||
      (type == SOCK_STREAM && ::listen(socket.get(), 128) != 0))
    throw system_error(fmt::format("listen for the instances' DNS on {}", address.str()), errno);
  return socket;
}

}  // namespace

std::vector<net::HandedIn> open_listeners(const Settings& settings, const std::string& gateway,
                                          std::vector<net::HandedIn> held) {
  const auto dns = net::Address::parse(gateway + ":53");
  if (!dns) throw Error(Code::internal, "the instances' gateway is no address: " + gateway);
  std::vector<net::HandedIn> out;
  const auto add = [&](std::string_view name, const net::Address& address, auto open) {
    const auto there = std::ranges::find_if(held, [&](const net::HandedIn& one) {
      const auto at = net::local_address(one.fd.get());
      return one.name == name && (at == address || at.with_port(0) == address);
    });
    Fd fd =
        there != held.end() ? std::move(there->fd) : net::at_start([&] { return open(address); });
    out.push_back({std::string(name), std::move(fd)});
  };
  const auto chosen_by = [&](std::string_view flag) {
    return [&held, flag](const net::Address& address) {
      try {
        return net::listen_on(address);
      } catch (const Error& error) {
        for (const net::HandedIn& one : held)
          if (const auto at = net::local_address(one.fd.get());
              error.code() == Code::conflict && one.fd && at.port() == address.port())
            throw Error(Code::unavailable,
                        fmt::format("cannot listen on {} while Nuri listens on {}: run 'nuri down' "
                                    "first, or choose another port ({} chooses it)",
                                    address.str(), at.str(), flag));
        throw Error(error.code(), fmt::format("{} ({} chooses it)", error.message(), flag));
      }
    };
  };
  const auto of_dns = [](int type) {
    return [type](const net::Address& address) { return dns_socket(address, type); };
  };
  add("apps", settings.apps, chosen_by("--listen"));
  if (settings.tls) add("apps-tls", *settings.tls, chosen_by("--tls"));
  add("api", settings.api, chosen_by("--api"));
  add("dns-udp", *dns, of_dns(SOCK_DGRAM));
  add("dns-tcp", *dns, of_dns(SOCK_STREAM));
  return out;
}

}  // namespace nuri
