#pragma once

// Real sockets for the router's tests: clients that block with a deadline, and instances that are
// tiny servers in threads, which behave as a test tells them.

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/fd.h"

namespace nuri::router {

// A connected socket, either side. Calls block for at most 20 s; then, and on any failure, they say
// so in their result.
class Talk {
 public:
  Talk() = default;
  explicit Talk(Fd fd);
  static Talk to(std::uint16_t port);  // 127.0.0.1

  bool say(std::string_view text);
  // A head with its empty line; "" if the peer finished or failed before.
  std::string hear_head();
  std::string hear(std::size_t bytes);  // fewer if the peer finished
  std::string hear_all();
  std::string hear_some();  // what is there, at least a byte; "" if the peer finished
  // A whole answer: its head is in `head`, its content comes back, chunks taken apart.
  std::string hear_answer(std::string& head);
  // True when the peer has finished or reset and all was read.
  bool ended();
  void finish();  // sending
  void reset();   // ends it at once
  void close() { fd_.reset(); }
  int fd() const { return fd_.get(); }
  bool was_reset() const { return reset_seen_; }

 private:
  bool fill();
  Fd fd_;
  std::string buffer_;
  bool reset_seen_ = false;
  bool timed_out_ = false;
};

// The value of a header in a head; "" if it is not there.
std::string field(std::string_view head, std::string_view name);
int status_of(std::string_view head);

// A listening socket on 127.0.0.1 with a port of the kernel's choice.
Fd listen_here(std::uint16_t& port, int backlog = 512);

// An instance: each connection is one call of `behave`, in a thread of its own.
class Instance {
 public:
  using Behave = std::function<void(Talk&)>;
  explicit Instance(Behave behave);
  ~Instance();
  std::uint16_t port() const { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  std::size_t connections() const;
  // Closes the listening socket: connecting is refused.
  void stop_listening();

 private:
  struct Connection {
    std::thread thread;
    std::shared_ptr<Talk> talk;
  };
  void run();
  Behave behave_;
  std::uint16_t port_ = 0;
  Fd listener_;
  Fd stop_;
  mutable std::mutex mutex_;
  std::vector<Connection> connections_;
  std::thread thread_;
};

// Answers every request with 200 and `text`, keeping the connection. Content of a known length is
// read away.
Instance::Behave answering(std::string text);

// Waits until `condition` holds, for at most 20 s.
bool eventually(const std::function<bool()>& condition);

}  // namespace nuri::router
