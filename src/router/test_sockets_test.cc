#include "router/test_sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>

#include "http/message.h"

namespace nuri::router {
namespace {

constexpr int kPatienceMs = 20'000;

}  // namespace

Talk::Talk(Fd fd) : fd_(std::move(fd)) {
  const timeval patience{kPatienceMs / 1000, 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

Talk Talk::to(std::uint16_t port) {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    ADD_FAILURE() << "connect: " << errno;
  const int one = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return Talk(std::move(fd));
}

bool Talk::say(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool Talk::fill() {
  char bytes[16 * 1024];
  ssize_t n;
  do {
    n = ::recv(fd_.get(), bytes, sizeof bytes, 0);
  } while (n < 0 && errno == EINTR);
  reset_seen_ = reset_seen_ || (n < 0 && errno == ECONNRESET);
  timed_out_ = n < 0 && errno == EAGAIN;
  if (n > 0) buffer_.append(bytes, static_cast<std::size_t>(n));
  return n > 0;
}

std::string Talk::hear_head() {
  for (;;) {
    const auto end = buffer_.find("\r\n\r\n");
    if (end != buffer_.npos) return hear(end + 4);
    if (!fill()) return "";
  }
}

std::string Talk::hear(std::size_t bytes) {
  while (buffer_.size() < bytes && fill()) {
  }
  const std::string out = buffer_.substr(0, bytes);
  buffer_.erase(0, out.size());
  return out;
}

std::string Talk::hear_all() {
  while (fill()) {
  }
  return std::exchange(buffer_, {});
}

std::string Talk::hear_answer(std::string& head) {
  head = hear_head();
  if (const auto length = field(head, "Content-Length"); !length.empty())
    return hear(std::stoul(length));
  if (field(head, "Transfer-Encoding") != "chunked") return "";
  std::string out;
  for (;;) {
    while (buffer_.find("\r\n") == buffer_.npos)
      if (!fill()) return out;
    const auto size = std::stoul(buffer_, nullptr, 16);
    hear(buffer_.find("\r\n") + 2);
    out += hear(size);
    hear(2);
    if (size == 0) return out;
  }
}

bool Talk::ended() { return buffer_.empty() && !fill() && !timed_out_; }

void Talk::finish() { ::shutdown(fd_.get(), SHUT_WR); }

std::string Talk::hear_some() {
  if (buffer_.empty()) fill();
  return std::exchange(buffer_, {});
}

// The descriptor stays open, so that other threads may still name it.
void Talk::reset() {
  sockaddr none{};
  none.sa_family = AF_UNSPEC;
  (void)::connect(fd_.get(), &none, sizeof none);
}

std::string field(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    const auto end = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, end);
    const auto colon = line.find(':');
    if (colon != line.npos && http::same_name(line.substr(0, colon), name)) {
      auto value = line.substr(colon + 1);
      while (value.starts_with(' ')) value.remove_prefix(1);
      return std::string(value);
    }
    head.remove_prefix(std::min(head.size(), end + 2));
  }
  return "";
}

int status_of(std::string_view head) {
  return head.size() < 12 ? 0 : std::atoi(std::string(head.substr(9, 3)).c_str());
}

Fd listen_here(std::uint16_t& port, int backlog) {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(::listen(fd.get(), backlog), 0);
  socklen_t size = sizeof address;
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
  port = ntohs(address.sin_port);
  return fd;
}

Instance::Instance(Behave behave)
    : behave_(std::move(behave)), listener_(listen_here(port_)), stop_(::eventfd(0, EFD_CLOEXEC)) {
  thread_ = std::thread([this] { run(); });
}

Instance::~Instance() {
  const std::uint64_t one = 1;
  EXPECT_EQ(::write(stop_.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
  thread_.join();
  for (auto& connection : connections_) {
    ::shutdown(connection.talk->fd(), SHUT_RDWR);
    connection.thread.join();
  }
}

std::size_t Instance::connections() const {
  const std::lock_guard lock(mutex_);
  return connections_.size();
}

void Instance::stop_listening() {
  const std::uint64_t one = 1;
  EXPECT_EQ(::write(stop_.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
  EXPECT_TRUE(eventually([this] {
    const std::lock_guard lock(mutex_);
    return !listener_;
  }));
}

void Instance::run() {
  for (;;) {
    pollfd wait[2] = {{listener_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
    ::poll(wait, 2, -1);
    const std::lock_guard lock(mutex_);
    if (wait[1].revents != 0) return listener_.reset();
    auto talk =
        std::make_shared<Talk>(Fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)));
    // The descriptor stays open until the end, so that its number is no other's meanwhile.
    connections_.push_back({std::thread([this, talk] {
                              behave_(*talk);
                              ::shutdown(talk->fd(), SHUT_RDWR);
                            }),
                            talk});
  }
}

Instance::Behave answering(std::string text) {
  return [text = std::move(text)](Talk& talk) {
    for (;;) {
      const std::string head = talk.hear_head();
      if (head.empty()) return;
      if (const auto length = field(head, "Content-Length"); !length.empty())
        talk.hear(std::stoul(length));
      const bool bare = head.starts_with("HEAD ");
      if (!talk.say(fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", text.size(),
                                bare ? "" : text)))
        return;
    }
  };
}

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace nuri::router
