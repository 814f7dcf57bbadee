#pragma once

// For tests: network namespaces, sockets made inside them, and a small internet.

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <string>
#include <thread>

#include "base/fd.h"
#include "host/kernel_file.h"
#include "host/netlink.h"
#include "host/realm.h"

namespace nuri::host {

// A process that does nothing but hold a network namespace.
class Namespace {
 public:
  Namespace() {
    int ready[2];
    if (::pipe2(ready, O_CLOEXEC) != 0) std::abort();
    pid_ = ::fork();
    if (pid_ == 0) {
      if (::unshare(CLONE_NEWNET) != 0 || ::write(ready[1], "r", 1) != 1) ::_exit(1);
      for (;;) ::pause();
    }
    char c;
    ::close(ready[1]);
    if (::read(ready[0], &c, 1) != 1) std::abort();
    ::close(ready[0]);
    fd_ = Fd(::open(fmt::format("/proc/{}/ns/net", pid_).c_str(), O_RDONLY | O_CLOEXEC));
    Netlink::inside(fd_.get()).set_up("lo");
  }
  ~Namespace() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  int pid() const { return pid_; }
  int fd() const { return fd_.get(); }
  void run(const std::function<void()>& job) const {
    std::thread([&] {
      if (::setns(fd_.get(), CLONE_NEWNET) != 0) std::abort();
      job();
    }).join();
  }
  // A socket of this namespace.
  Fd socket(int type) const {
    Fd s;
    run([&] { s = Fd(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)); });
    return s;
  }

 private:
  pid_t pid_ = -1;
  Fd fd_;
};

inline sockaddr_in address(const std::string& ip, int port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(static_cast<std::uint16_t>(port));
  ::inet_pton(AF_INET, ip.c_str(), &a.sin_addr);
  return a;
}

inline bool bind_to(const Fd& s, const std::string& ip, int port) {
  const sockaddr_in a = address(ip, port);
  const int one = 1;
  ::setsockopt(s.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  return ::bind(s.get(), reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0;
}

inline int port_of(const Fd& s) {
  sockaddr_in a{};
  socklen_t size = sizeof a;
  ::getsockname(s.get(), reinterpret_cast<sockaddr*>(&a), &size);
  return ntohs(a.sin_port);
}

inline Fd listener(const Fd& s, const std::string& ip, int port) {
  EXPECT_TRUE(bind_to(s, ip, port)) << ip << ":" << port << " " << std::strerror(errno);
  EXPECT_EQ(::listen(s.get(), 8), 0);
  return Fd(::dup(s.get()));
}

inline bool wait_for(const Fd& fd, short events, int ms) {
  pollfd p{fd.get(), events, 0};
  return ::poll(&p, 1, ms) == 1;
}

// Whether a TCP connection from the namespace comes about. A dropped packet shows as nothing for a
// while.
inline bool reaches(const Namespace& from, const std::string& ip, int port, int ms = 3000) {
  const Fd s = from.socket(SOCK_STREAM);
  const sockaddr_in a = address(ip, port);
  if (::connect(s.get(), reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0) return true;
  if (errno != EINPROGRESS || !wait_for(s, POLLOUT, ms)) return false;
  int err = 0;
  socklen_t size = sizeof err;
  ::getsockopt(s.get(), SOL_SOCKET, SO_ERROR, &err, &size);
  return err == 0;
}
inline constexpr int kLongEnoughForALocalPacket = 300;
inline bool blocked(const Namespace& from, const std::string& ip, int port) {
  return !reaches(from, ip, port, kLongEnoughForALocalPacket);
}

// A namespace behind an interface of this machine that is not the realm's: "the internet", at
// 198.51.100.2 (RFC 5737), with a listener on port 80. The machine is 198.51.100.1.
class Internet : public Namespace {
 public:
  void join_the_world(const Realm& realm) {
    Netlink here;
    const std::string uplink = realm.interface_prefix() + "up";  // swept with the realm
    here.add_veth(uplink, 0x02aabbcc0001, "eth0", 0x02aabbcc0002, fd());
    here.add_address(uplink, {*Ipv4::parse("198.51.100.1"), 24});
    here.set_up(uplink);
    write_kernel_file("/proc/sys/net/ipv4/conf/" + uplink + "/forwarding", "1");
    Netlink there = Netlink::inside(fd());
    there.add_address("eth0", {*Ipv4::parse("198.51.100.2"), 24});
    there.set_up("eth0");
    const Fd s = socket(SOCK_STREAM);
    listener_ = host::listener(s, "198.51.100.2", 80);
  }
  const Fd& listener() const { return listener_; }

 private:
  Fd listener_;
};

}  // namespace nuri::host
