#include "router/tcp_ports.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "async/deadline.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/log.h"
#include "router/tcp_route.h"

namespace nuri::router {
namespace {

constexpr std::string_view kPrefix = "tcp-";
constexpr Duration kAgain = 100ms;

std::string name_of(std::uint16_t port) { return fmt::format("{}{}", kPrefix, port); }

}  // namespace

TcpPorts::TcpPorts(Workers& workers, std::vector<net::HandedIn>& listeners)
    : workers_(workers), listeners_(listeners) {}

net::HandedIn* TcpPorts::find(std::uint16_t port) {
  const auto it = std::ranges::find(listeners_, name_of(port), &net::HandedIn::name);
  return it == listeners_.end() ? nullptr : &*it;
}

net::Address TcpPorts::address_of(std::uint16_t port) const {
  const auto apps = std::ranges::find(listeners_, "apps", &net::HandedIn::name);
  return net::local_address(apps->fd.get()).with_port(port);
}

void TcpPorts::inherit(std::vector<net::HandedIn> from) {
  for (auto& listener : from) {
    const net::Address at = net::local_address(listener.fd.get());
    if (listener.name.starts_with(kPrefix) && at == address_of(at.port()) &&
        std::ranges::find(listeners_, listener.name, &net::HandedIn::name) == listeners_.end())
      listeners_.push_back(std::move(listener));
  }
}

void TcpPorts::begin() {
  began_ = true;
  // Ports of routes that are gone by now.
  std::erase_if(listeners_, [&](const net::HandedIn& listener) {
    return listener.name.starts_with(kPrefix) &&
           std::ranges::none_of(
               wanted_, [&](const auto& one) { return name_of(one.first) == listener.name; });
  });
  follow({});
}

void TcpPorts::follow(const TableChange& change) {
  for (const auto& key : change.remove)
    if (const auto port = tcp_port_of(key.host)) close(*port);
  for (const auto& entry : change.put)
    if (const auto port = tcp_port_of(entry.host)) wanted_.emplace(*port, State::waiting);
  open_all();
}

void TcpPorts::open_all() {
  if (!began_) return;
  for (auto& [port, state] : wanted_) {
    if (state == State::open) continue;
    try {
      open(port);
      if (state == State::taken) log_info("a TCP route is served now", {{"port", port}});
      state = State::open;
    } catch (const Error& error) {
      if (state != State::taken)
        log_error("a TCP route is not served yet", {{"port", port}, {"error", error.message()}});
      state = State::taken;
      if (error.code() == Code::conflict) missing_.set();
    }
  }
}

Task<void> TcpPorts::try_again() {
  while (co_await missing_.wait() && co_await async::sleep(kAgain)) {
    missing_.clear();
    open_all();
  }
}

void TcpPorts::open(std::uint16_t port) {
  net::HandedIn* there = find(port);
  if (!there) {
    if (std::ranges::count_if(listeners_, [](const auto& listener) {
          return listener.name.starts_with(kPrefix);
        }) >= static_cast<std::ptrdiff_t>(limits::kTcpPorts))
      throw Error(Code::too_many, fmt::format("there are {} already", limits::kTcpPorts));
    there = &listeners_.emplace_back(name_of(port), net::listen_on(address_of(port)));
  }
  for (auto& worker : workers_) worker->listen_tcp(port, Fd(::dup(there->fd.get())));
}

void TcpPorts::close(std::uint16_t port) {
  if (wanted_.erase(port) == 0) return;
  for (auto& worker : workers_) worker->end_tcp(port);
  std::erase_if(listeners_,
                [&](const net::HandedIn& listener) { return listener.name == name_of(port); });
}

}  // namespace nuri::router
