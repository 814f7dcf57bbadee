#pragma once

// For tests: the server's side of the host's socket.

#include <string>
#include <vector>

#include "async/deadline.h"
#include "base/error.h"
#include "base/limits.h"
#include "engine/host_protocol.h"
#include "net/packet_socket.h"

namespace nuri::host {

class TestClient {
 public:
  explicit TestClient(net::PacketSocket socket) : socket_(std::move(socket)) {}

  Task<Reply> ask(Request request, std::vector<int> fds = {}) {
    co_await send(std::move(request), std::move(fds));
    co_return co_await reply();
  }
  Task<void> send(Request request, std::vector<int> fds = {}) {
    auto sent = co_await socket_.send(encode(RequestMessage{++id_, std::move(request)}), fds);
    if (!sent) throw error_of(sent.error(), "send to the host");
  }
  // The next reply; what else is said on the way is kept.
  Task<Reply> reply() {
    for (;;) {
      HostMessage message = co_await next();
      if (auto* r = std::get_if<ReplyMessage>(&message)) {
        last_id_ = r->id;
        co_return std::move(r->reply);
      }
      exited_.push_back(std::get<Exited>(message).guid);
    }
  }
  Task<std::string> exited() {
    while (exited_.empty()) {
      HostMessage message = co_await next();
      exited_.push_back(std::get<Exited>(message).guid);
    }
    std::string guid = exited_.front();
    exited_.erase(exited_.begin());
    co_return guid;
  }
  Task<HostMessage> next() {
    auto packet = co_await async::within(20s, socket_.receive(limits::kHostMessageBytes));
    if (!packet) throw error_of(packet.error(), "hear from the host");
    if (packet->end()) throw Error(Code::unavailable, "the host closed the connection");
    co_return parse_host_message(packet->text);
  }
  net::PacketSocket& socket() { return socket_; }
  std::uint64_t id() const { return id_; }
  std::uint64_t last_id() const { return last_id_; }

 private:
  net::PacketSocket socket_;
  std::uint64_t id_ = 0, last_id_ = 0;
  std::vector<std::string> exited_;
};

// Until the condition, a coroutine, says yes; at most 20 s. False: it never did.
template <class Condition>
Task<bool> eventually(Condition condition) {
  for (int i = 0; i < 2000; ++i) {
    if (co_await condition()) co_return true;
    co_await async::sleep(10ms);
  }
  co_return false;
}

inline std::string failure_text(const Reply& reply) {
  const auto* failure = std::get_if<Failure>(&reply);
  return failure ? failure->message : "no failure";
}

}  // namespace nuri::host
