#include "http/server.h"

#include "async/deadline.h"
#include "base/guid.h"
#include "base/log.h"
#include "http/connection.h"

namespace nuri::http {
namespace {

constexpr Duration kAcceptPause = 100ms;  // when descriptors have run out

Task<void> join(async::TaskGroup& group) { co_await group.join(); }

}  // namespace

Server::Server(async::Loop& loop, Service& service, ServerOptions options)
    : loop_(loop), service_(service), options_(options) {}
Server::~Server() = default;

Task<void> Server::run(net::Listener listener) {
  async::TaskGroup group(loop_);
  async::Scope& scope = co_await async::current_scope();
  {
    // Closed as soon as nothing is accepted any more, so that the next process may have the port.
    net::Listener accepting = std::move(listener);
    async::TaskGroup acceptor(loop_);
    acceptor.spawn(accept_all(accepting, group));
    if (!draining_) co_await drain_.wait();
    acceptor.cancel();
    co_await acceptor.join();
  }
  if (scope.cancelled()) group.cancel();
  co_await async::within(options_.drain_deadline, join(group));
}

Task<void> Server::accept_all(net::Listener& listener, async::TaskGroup& group) {
  async::Scope& scope = co_await async::current_scope();
  while (!scope.cancelled() && !draining_) {
    if (group.size() >= options_.max_connections) {
      close_longest_idle();
      co_await changed_.wait();
      continue;
    }
    auto accepted = co_await listener.accept();
    if (accepted) {
      group.spawn(serve_socket(std::move(*accepted)));
    } else if (!scope.cancelled()) {
      log_warn("cannot accept a connection", {{"error", describe(accepted.error())}});
      close_longest_idle();
      co_await async::sleep(kAcceptPause);
    }
  }
}

Task<void> Server::serve_socket(Fd socket) {
  net::SocketStream stream(loop_, std::move(socket));
  co_await serve_connection(stream);
}

Task<void> Server::serve_connection(net::Stream& stream) {
  ++connections_;
  struct Leave {
    Server& server;
    ~Leave() {
      --server.connections_;
      server.changed_.pulse();
    }
  } leave{*this};
  try {
    Connection connection(*this, stream);
    co_await connection.run();
  } catch (const std::exception& error) {
    log_error("a connection failed", {{"error", error.what()}});
  }
}

void Server::drain() {
  if (std::exchange(draining_, true)) return;
  while (close_longest_idle()) {
  }
  drain_.set();
}

bool Server::close_longest_idle() {
  if (idle_.empty()) return false;
  idle_.pop_front().scope.cancel();
  return true;
}

std::string Server::make_request_id() {
  return make_guid_text(options_.random ? *options_.random : system_random_);
}

}  // namespace nuri::http
