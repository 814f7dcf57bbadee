#pragma once

// A shim's door, for tests: hands out real sockets to connect to `port` on 127.0.0.1.

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/door.h"
#include "net/packet_socket.h"
#include "router/test_sockets.h"

namespace nuri::router {

class TestDoor {
 public:
  // `port` 0: nothing listens.
  explicit TestDoor(std::uint16_t port) : port_(port) {
    char dir[] = "/tmp/nuri-door-XXXXXX";
    EXPECT_NE(::mkdtemp(dir), nullptr);
    directory_ = dir;
    listener_ = net::listen_packets(path(), 0600);
    thread_ = std::thread([this] { run(); });
  }
  ~TestDoor() {
    end();
    std::filesystem::remove_all(directory_);
  }
  TestDoor(const TestDoor&) = delete;
  TestDoor& operator=(const TestDoor&) = delete;

  std::string path() const { return directory_ + "/door.sock"; }
  std::string address() const { return "door:" + path(); }
  std::atomic<std::uint16_t>& port() { return port_; }
  int asked() const { return asked_; }
  int connections() const { return connections_; }
  // As when the shim dies: every connection ends, the path stays.
  void end() {
    if (!thread_.joinable()) return;
    ending_ = true;
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
    listener_.reset();
  }

 private:
  void run() {
    std::vector<Fd> peers;
    while (!ending_) {
      std::vector<pollfd> waits{{listener_.get(), POLLIN, 0}};
      for (const auto& peer : peers) waits.push_back({peer.get(), POLLIN, 0});
      ::poll(waits.data(), waits.size(), -1);
      if (ending_) break;
      for (std::size_t n = 1; n < waits.size(); ++n)
        if (waits[n].revents != 0) answer(waits[n].fd);
      if (waits[0].revents != 0) {
        peers.emplace_back(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        ++connections_;
      }
    }
  }

  void answer(int peer) {
    char packet[4096];
    const ssize_t n = ::recv(peer, packet, sizeof packet, MSG_DONTWAIT);
    if (n <= 0) return void(::shutdown(peer, SHUT_RDWR));
    const auto request = door::parse_request({packet, static_cast<std::size_t>(n)});
    ASSERT_TRUE(request) << request.error();
    door::Reply reply{request->id, door::Welcome{}};
    std::vector<Fd> sockets;
    if (request->verb == door::Verb::sockets) {
      ++asked_;
      if (port_ == 0) {
        reply.body = door::Refusal{.why = door::Refused::not_listening};
      } else {
        for (std::uint32_t i = 0; i < request->count; ++i)
          sockets.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        reply.body = door::Sockets{request->count, "127.0.0.1:" + std::to_string(port_)};
      }
    }
    send(peer, door::encode(reply), sockets);
  }

  static void send(int peer, const std::string& text, const std::vector<Fd>& sockets) {
    std::vector<int> fds;
    for (const auto& socket : sockets) fds.push_back(socket.get());
    iovec part{const_cast<char*>(text.data()), text.size()};
    std::vector<char> control(CMSG_SPACE(fds.size() * sizeof(int)));
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (!fds.empty()) {
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      cmsghdr* c = CMSG_FIRSTHDR(&message);
      c->cmsg_level = SOL_SOCKET;
      c->cmsg_type = SCM_RIGHTS;
      c->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
      std::memcpy(CMSG_DATA(c), fds.data(), fds.size() * sizeof(int));
    }
    ::sendmsg(peer, &message, MSG_NOSIGNAL);
  }

  std::atomic<std::uint16_t> port_;
  std::string directory_;
  Fd listener_;
  std::atomic<bool> ending_ = false;
  std::atomic<int> asked_ = 0, connections_ = 0;
  std::thread thread_;
};

}  // namespace nuri::router
