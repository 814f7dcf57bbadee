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

Fd listen_for(std::string_view flag, const net::Address& address) {
  try {
    return net::listen_at_start(address);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{} ({} chooses it)", error.message(), flag));
  }
}

}  // namespace

std::vector<net::HandedIn> open_listeners(const Settings& settings, const std::string& gateway) {
  const auto dns = net::Address::parse(gateway + ":53");
  if (!dns) throw Error(Code::internal, "the instances' gateway is no address: " + gateway);
  std::vector<net::HandedIn> out;
  out.push_back({"apps", listen_for("--listen", settings.apps)});
  fit_tls_listener(settings, out);
  out.push_back({"api", listen_for("--api", settings.api)});
  const auto serve_dns = [&](int type) {
    return net::at_start([&] { return dns_socket(*dns, type); });
  };
  out.push_back({"dns-udp", serve_dns(SOCK_DGRAM)});
  out.push_back({"dns-tcp", serve_dns(SOCK_STREAM)});
  return out;
}

void fit_tls_listener(const Settings& settings, std::vector<net::HandedIn>& listeners) {
  constexpr std::string_view kName = "apps-tls";
  const auto there = std::ranges::find(listeners, kName, &net::HandedIn::name);
  const bool is_there = there != listeners.end();
  if (is_there && !settings.tls) listeners.erase(there);
  if (!is_there && settings.tls)
    listeners.push_back({std::string(kName), listen_for("--tls", *settings.tls)});
}

}  // namespace nuri
