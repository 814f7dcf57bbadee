#pragma once

// One worker with a table of its own, for tests: what is put is served when put() returns.

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <future>
#include <initializer_list>
#include <utility>

#include "router/test_sockets.h"
#include "router/worker.h"

namespace nuri::router {

// NURI_TEST_LOOP: "epoll" or "io_uring"; not set: what the router would take.
inline async::LoopKind loop_kind() {
  const char* name = std::getenv("NURI_TEST_LOOP");
  const auto kind = async::loop_kind_of(name ? name : "auto");
  EXPECT_TRUE(kind) << "NURI_TEST_LOOP is neither epoll nor io_uring nor auto: " << name;
  return kind.value_or(async::LoopKind::automatic);
}

class TestWorker {
 public:
  explicit TestWorker(Deadlines deadlines = {}, std::string logs = {}, Front front = {})
      : TestWorker(WorkerOptions{
            .logs_directory = std::move(logs), .deadlines = deadlines, .front = std::move(front)}) {
  }
  explicit TestWorker(WorkerOptions options) {
    listener_ = listen_here(port_);
    options.loop = loop_kind();
    worker_ = std::make_unique<Worker>(std::move(options));
    worker_->listen(listener());
  }
  std::uint16_t port() const { return port_; }
  Talk talk() const { return Talk::to(port_); }
  Worker& worker() { return *worker_; }
  // The listening socket, once more.
  Fd listener() const { return Fd(::dup(listener_.get())); }

  void apply(TableChange change) {
    std::promise<void> done;
    worker_->apply(std::make_shared<TableChange>(std::move(change)), [&] { done.set_value(); });
    ASSERT_EQ(done.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
  }
  // `addresses`: of the instances, whose ids are "HOST/0" and so on.
  // `settings`: their JSON; empty: none.
  void put(const std::string& host, std::vector<std::string> addresses, std::string path = {},
           std::string_view settings = {}) {
    model::RouteEntry entry;
    if (!settings.empty())
      entry.settings = std::make_shared<const model::RouteSettings>(
          model::parse_route_settings(json::parse_object(settings), model::UnknownKeys::refused));
    entry.host = host;
    entry.path = std::move(path);
    entry.app = "app-of-" + host;
    for (auto& address : addresses) {
      model::Upstream upstream;
      upstream.index = static_cast<int>(entry.upstreams.size());
      upstream.id = host + "/" + std::to_string(upstream.index);
      upstream.address = std::move(address);
      entry.upstreams.push_back(std::move(upstream));
    }
    apply({{std::move(entry)}, {}});
  }

 private:
  std::uint16_t port_ = 0;
  Fd listener_;
  std::unique_ptr<Worker> worker_;
};

// The request's text for a host.
inline std::string get(std::string_view host, std::string_view path = "/") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n";
}

inline Counted count(TestWorker& router) {
  std::promise<Counted> promise;
  router.worker().count([&](Counted counted) { promise.set_value(std::move(counted)); });
  return promise.get_future().get();
}

// Until `seen` holds: what an answer ends with is counted just after its last byte is sent.
template <class Seen>
Counted until(TestWorker& router, Seen seen) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  Counted counted = count(router);
  while (!seen(counted) && std::chrono::steady_clock::now() < deadline) counted = count(router);
  EXPECT_TRUE(seen(counted));
  return counted;
}

// What `value` says once it has not changed for a while.
template <class Value>
std::uint64_t settled(Value value) {
  const auto now = [] { return std::chrono::steady_clock::now(); };
  std::uint64_t last = value();
  const auto began = now();
  for (auto since = began; now() - since < std::chrono::milliseconds(500);) {
    const std::uint64_t next = value();
    if (std::exchange(last, next) != next) since = now();
    if (now() - began > std::chrono::seconds(20)) break;
  }
  return last;
}

// What is held for slow peers.
inline std::uint64_t settled_held(TestWorker& router) {
  return settled([&] { return count(router).held_bytes; });
}

}  // namespace nuri::router
