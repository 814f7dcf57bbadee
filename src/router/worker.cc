#include "router/worker.h"

#include <fmt/format.h>
#include <pthread.h>

#include <future>
#include <map>

#include "async/deadline.h"
#include "async/task_group.h"
#include "base/limits.h"
#include "base/log.h"
#include "net/listener.h"
#include "net/tls_server.h"
#include "router/proxy.h"
#include "router/tcp_route.h"

namespace nuri::router {

namespace {

net::TlsTicketKeys own_keys() {
  SystemRandom kernel;
  return net::TlsTicketKeys::make(kernel);
}

// Nothing here throws, but for bugs and want of memory: then one client pays, not all.
Task<void> contained(Task<void> serving) {
  try {
    co_await std::move(serving);
  } catch (const std::exception& error) {
    log_error("a client's connection failed", {{"error", error.what()}});
  }
}

}  // namespace

// Lives on the worker's thread; others only post to its loop.
struct Worker::State {
  std::unique_ptr<async::Loop> made;
  async::Loop& loop{*made};
  SeededRandom random{SystemRandom().next()};  // for request ids, which are no secrets
  RouteTable table;
  AccessLog log;
  Proxy proxy;
  net::TlsServer tls;
  async::TaskGroup clients{loop};
  async::TaskGroup accepting{loop};
  async::TaskGroup own{loop};
  std::map<std::uint16_t, async::Scope*> ports;  // of TCP routes
  async::Event stopping;
  async::TaskGroup draining{loop};
  Duration drain_limit{};

  explicit State(WorkerOptions options)
      : made(async::make_loop(options.loop)),
        table(loop, std::move(options.limits), options.index),
        log(std::move(options.logs_directory), options.index),
        proxy(loop, table, log, random, options.deadlines, std::move(options.front),
              std::move(options.ask_wake)),
        tls(options.ticket_keys.all().empty() ? own_keys() : std::move(options.ticket_keys),
            {"h2", "http/1.1"}) {
    proxy.ground().https_port = options.https_port;
  }

  // Who is accepted is served by serve(client).
  template <class Serve>
  Task<void> accept_all(net::Listener listener, Serve serve);
  Task<void> serve_port(std::uint16_t port, net::Listener listener);
  Task<void> tick();
  Task<void> drain(Duration limit, Duration idle_grace, std::function<void()> done);
  Task<void> run();
};

template <class Serve>
Task<void> Worker::State::accept_all(net::Listener listener, Serve serve) {
  for (;;) {
    // Beyond the limit clients wait in the kernel's queue.
    while (clients.size() >= limits::kRouterClients)
      if (!co_await async::sleep(10ms)) co_return;
    auto client = co_await listener.accept();
    if (client) {
      clients.spawn(contained(serve(std::move(*client))));
      continue;
    }
    if (client.error() == IoError::cancelled) co_return;
    log_warn("cannot accept a client", {{"error", describe(client.error())}});
    if (!co_await async::sleep(50ms)) co_return;
  }
}

Task<void> Worker::State::serve_port(std::uint16_t port, net::Listener listener) {
  async::Scope here(co_await async::current_scope());
  auto& place = ports[port];
  // The port was closed and is open again.
  if (place) place->cancel();
  place = &here;
  const auto relay = [this, port](Fd client) {
    return relay_tcp(proxy.ground(), std::move(client), tcp_host_of(port));
  };
  co_await accept_all(std::move(listener), relay).in(here);
  if (const auto it = ports.find(port); it != ports.end() && it->second == &here) ports.erase(it);
}

Task<void> Worker::State::tick() {
  while (co_await async::sleep(1s)) {
    log.tick(loop.wall(), loop.now());
    table.tick(loop.now());
  }
}

// A client learns from its next answer that the connection ends. One that is closed while nothing
// is in flight may cross a request on its way: the later, the fewer.
Task<void> Worker::State::drain(Duration limit, Duration idle_grace, std::function<void()> done) {
  accepting.cancel();
  co_await accepting.join();
  proxy.drain();
  own.spawn([](State& self, Duration grace) -> Task<void> {
    (void)co_await async::sleep(grace);
    self.proxy.close_idle();
  }(*this, std::min(idle_grace, limit)));
  auto drained = [](async::TaskGroup& group) -> Task<void> { co_await group.join(); };
  co_await async::within(limit, drained(clients));
  if (done) done();
}

Task<void> Worker::State::run() {
  own.spawn(tick());
  (void)co_await stopping.wait();
  draining.cancel();
  co_await draining.join();
  co_await drain(drain_limit, {}, {});
  own.cancel();
  co_await own.join();
  table.clear();
}

Worker::Worker(WorkerOptions options) : index_(options.index) {
  std::promise<void> ready;
  auto began = ready.get_future();
  thread_ = std::thread([this, &ready, options = std::move(options)]() mutable {
    ::pthread_setname_np(::pthread_self(), fmt::format("router-{}", index_).c_str());
    try {
      state_ = std::make_unique<State>(std::move(options));
    } catch (...) {
      return ready.set_exception(std::current_exception());
    }
    ready.set_value();
    State& state = *state_;
    state.loop.run(state.run());
  });
  try {
    began.get();
  } catch (...) {
    thread_.join();
    throw;
  }
}

Worker::~Worker() {
  if (thread_.joinable()) stop(Duration(0));
}

void Worker::listen(Fd listener) {
  state_->loop.post([state = state_.get(), fd = std::move(listener)]() mutable {
    const auto serve = [state](Fd client) { return state->proxy.serve(std::move(client)); };
    state->accepting.spawn(state->accept_all(net::Listener(state->loop, std::move(fd)), serve));
  });
}

void Worker::listen_tls(Fd listener) {
  state_->loop.post([state = state_.get(), fd = std::move(listener)]() mutable {
    const auto serve = [state](Fd client) {
      return state->proxy.serve_tls(std::move(client), state->tls);
    };
    state->accepting.spawn(state->accept_all(net::Listener(state->loop, std::move(fd)), serve));
  });
}

void Worker::listen_tcp(std::uint16_t port, Fd listener) {
  state_->loop.post([state = state_.get(), port, fd = std::move(listener)]() mutable {
    state->accepting.spawn(state->serve_port(port, net::Listener(state->loop, std::move(fd))));
  });
}

void Worker::end_tcp(std::uint16_t port) {
  state_->loop.post([state = state_.get(), port] {
    if (const auto it = state->ports.find(port); it != state->ports.end()) it->second->cancel();
  });
}

void Worker::set_ticket_keys(net::TlsTicketKeys keys) {
  state_->loop.post([state = state_.get(), keys = std::move(keys)]() mutable {
    state->tls.set_ticket_keys(std::move(keys));
  });
}

void Worker::put_certificate(std::string name,
                             std::shared_ptr<const net::Certificate> certificate) {
  state_->loop.post(
      [state = state_.get(), name = std::move(name), certificate = std::move(certificate)] {
        if (name.empty()) return state->tls.set_default(certificate);
        if (!certificate)
          state->tls.remove(name);
        else if (!state->tls.put(name, certificate))
          log_warn("too many certificates: one is not served", {{"name", name}});
      });
}

void Worker::apply(std::shared_ptr<const TableChange> change, std::function<void()> done) {
  state_->loop.post([state = state_.get(), change = std::move(change), done = std::move(done)] {
    state->table.apply(*change);
    done();
  });
}

void Worker::count(std::function<void(Counted)> done) {
  state_->loop.post([state = state_.get(), done = std::move(done)] {
    Counted counted = state->table.counted();
    counted.held_bytes = state->proxy.ground().passage.held();
    done(std::move(counted));
  });
}

void Worker::when_idle(std::string upstream, std::function<void()> done) {
  state_->loop.post([state = state_.get(), upstream = std::move(upstream), done = std::move(done)] {
    auto found = state->table.upstreams(upstream);
    auto left = std::make_shared<std::size_t>(found.size());
    if (found.empty()) return done();
    for (auto& one : found)
      one->when_idle([left, done] {
        if (--*left == 0) done();
      });
  });
}

void Worker::drain(Duration limit, Duration idle_grace, std::function<void()> done) {
  state_->loop.post([state = state_.get(), limit, idle_grace, done = std::move(done)]() mutable {
    state->draining.spawn(state->drain(limit, idle_grace, std::move(done)));
  });
}

void Worker::stop(Duration limit) {
  state_->loop.post([state = state_.get(), limit] {
    state->drain_limit = limit;
    state->stopping.set();
  });
  thread_.join();
}

}  // namespace nuri::router
