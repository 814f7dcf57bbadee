#include "async/operation_io.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "async/descriptor.h"
#include "base/assert.h"

namespace nuri::async {
namespace {

constexpr std::size_t kMostFds = 64;
constexpr int kMostWrites = 4;  // of one send in one turn

template <class Call>
auto no_eintr(Call call) {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

Attempt failed(Operation& operation) {
  if (errno == EAGAIN || errno == EWOULDBLOCK) return Attempt::again;
  operation.fail(io_error_of(errno));
  return Attempt::done;
}

Attempt ready(int fd, short events) {
  pollfd poll_fd{fd, events, 0};
  return ::poll(&poll_fd, 1, 0) == 1 ? Attempt::done : Attempt::again;
}

ssize_t write_parts(int fd, std::span<iovec> parts) {
  constexpr int kFlags = MSG_NOSIGNAL | MSG_DONTWAIT;
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = std::min<std::size_t>(parts.size(), 64);
  const ssize_t n = no_eintr([&] {
    return parts.size() == 1 ? ::send(fd, parts[0].iov_base, parts[0].iov_len, kFlags)
                             : ::sendmsg(fd, &message, kFlags);
  });
  if (n >= 0 || errno != ENOTSOCK) return n;
  return no_eintr([&] { return ::writev(fd, parts.data(), static_cast<int>(message.msg_iovlen)); });
}

Attempt send_all(int fd, Operation& operation) {
  // A peer that reads as fast as this writes must not keep the loop for itself.
  for (int writes = 0; !operation.parts.empty(); ++writes) {
    if (writes == kMostWrites) return Attempt::more;
    const ssize_t n = write_parts(fd, operation.parts);
    if (n < 0) return failed(operation);
    operation_sent(operation, static_cast<std::size_t>(n));
  }
  return Attempt::done;
}

Attempt accept_one(int fd, Descriptor::Accept& operation) {
  for (;;) {
    const int accepted = ::accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted >= 0) {
      operation.accepted = Fd(accepted);
      return Attempt::done;
    }
    // The peer gave up before it was accepted: not the listener's failure (accept(2), ERRORS).
    if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO) continue;
    return failed(operation);
  }
}

Attempt connect_one(int fd, Descriptor::Connect& operation) {
  if (operation.done == 0) {
    operation.done = 1;
    if (::connect(fd, operation.address, operation.address_bytes) == 0) return Attempt::done;
    if (errno == EINPROGRESS || errno == EINTR) return Attempt::again;
    // A full backlog of a path socket: tell it apart from "in progress" (connect(2), EAGAIN).
    operation.fail(errno == EAGAIN ? IoError::no_resources : io_error_of(errno));
    return Attempt::done;
  }
  if (ready(fd, POLLOUT) == Attempt::again) return Attempt::again;
  int err = 0;
  socklen_t size = sizeof err;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size) != 0) err = errno;
  if (err != 0) operation.fail(io_error_of(err));
  return Attempt::done;
}

Attempt recv_packet(int fd, Descriptor::RecvPacket& operation) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMostFds * sizeof(int))> control;
  iovec part{operation.space.data(), operation.space.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t n =
      no_eintr([&] { return ::recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT); });
  if (n < 0) return failed(operation);
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int received;
      std::memcpy(&received, CMSG_DATA(c) + i * sizeof(int), sizeof received);
      operation.fds.emplace_back(received);
    }
  }
  operation.done = static_cast<std::size_t>(n);
  if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
    operation.fds.clear();
    operation.fail(IoError::too_large);
  }
  return Attempt::done;
}

Attempt send_packet(int fd, Descriptor::SendPacket& operation) {
  NURI_ASSERT(operation.send_fds.size() <= kMostFds);
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMostFds * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = operation.parts.data();
  message.msg_iovlen = operation.parts.size();
  if (!operation.send_fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(operation.send_fds.size_bytes());
    cmsghdr* c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(operation.send_fds.size_bytes());
    std::memcpy(CMSG_DATA(c), operation.send_fds.data(), operation.send_fds.size_bytes());
  }
  const ssize_t n = no_eintr([&] { return ::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT); });
  if (n < 0) return failed(operation);
  operation.done = static_cast<std::size_t>(n);
  return Attempt::done;
}

}  // namespace

ssize_t read_some(int fd, std::span<char> space) {
  const ssize_t n = no_eintr([&] { return ::recv(fd, space.data(), space.size(), MSG_DONTWAIT); });
  if (n >= 0 || errno != ENOTSOCK) return n;
  return no_eintr([&] { return ::read(fd, space.data(), space.size()); });
}

bool is_stream_socket(int fd) {
  int type = 0;
  socklen_t size = sizeof type;
  return ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

bool is_tcp(int fd) {
  int protocol = 0;
  socklen_t size = sizeof protocol;
  return ::getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 &&
         protocol == IPPROTO_TCP;
}

bool is_byte_stream(int fd) {
  if (is_stream_socket(fd)) return true;
  struct stat status{};
  return ::fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode);
}

void operation_sent(Operation& operation, std::size_t n) {
  operation.done += n;
  while (!operation.parts.empty() && n >= operation.parts.front().iov_len) {
    n -= operation.parts.front().iov_len;
    operation.parts = operation.parts.subspan(1);
  }
  if (n > 0) {
    iovec& part = operation.parts.front();
    part.iov_base = static_cast<char*>(part.iov_base) + n;
    part.iov_len -= n;
  }
}

Attempt try_operation(int fd, Operation& operation) {
  switch (operation.kind) {
    case Operation::Kind::readable:
      return ready(fd, POLLIN);
    case Operation::Kind::writable:
      return ready(fd, POLLOUT);
    case Operation::Kind::send:
      return send_all(fd, operation);
    case Operation::Kind::accept:
      return accept_one(fd, static_cast<Descriptor::Accept&>(operation));
    case Operation::Kind::connect:
      return connect_one(fd, static_cast<Descriptor::Connect&>(operation));
    case Operation::Kind::recv_packet:
      return recv_packet(fd, static_cast<Descriptor::RecvPacket&>(operation));
    case Operation::Kind::send_packet:
      return send_packet(fd, static_cast<Descriptor::SendPacket&>(operation));
    case Operation::Kind::read: {
      const ssize_t n = read_some(fd, operation.space);
      if (n < 0) return failed(operation);
      operation.done = static_cast<std::size_t>(n);
      return Attempt::done;
    }
    case Operation::Kind::recv:
      break;
  }
  assert_failed("recv needs a buffer of the loop", __FILE__, __LINE__);
}

void prepare_signals() {
  ::signal(SIGPIPE, SIG_IGN);
  struct sigaction child{};
  if (::sigaction(SIGCHLD, nullptr, &child) == 0 && child.sa_handler == SIG_IGN)
    ::signal(SIGCHLD, SIG_DFL);
}

}  // namespace nuri::async
