#include "host/shim/packet_socket.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace nuri::shim {

bool send_packet(int socket, std::string_view bytes, std::span<const int> fds, int flags) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * limits::kSocketsPerBatch)] = {};
  iovec data{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  }
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(socket, &message, MSG_NOSIGNAL | flags);
  } while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(bytes.size());
}

Result<Packet> receive_packet(int socket, std::size_t limit, int flags) {
  Packet packet;
  packet.bytes.resize(limit);
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * 8) + CMSG_SPACE(sizeof(ucred))] = {};
  iovec data{packet.bytes.data(), packet.bytes.size()};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t received = 0;
  do {
    received = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC | flags);
  } while (received < 0 && errno == EINTR);
  if (received < 0) {
    const int error = errno;
    auto failed = failure("cannot receive a packet", error);
    errno = error;
    return failed;
  }
  packet.bytes.resize(static_cast<std::size_t>(received));
  packet.bytes.shrink_to_fit();
  packet.end = received == 0;
  for (cmsghdr* h = CMSG_FIRSTHDR(&message); h != nullptr; h = CMSG_NXTHDR(&message, h)) {
    if (h->cmsg_level != SOL_SOCKET) continue;
    if (h->cmsg_type == SCM_CREDENTIALS) {
      ucred who{};
      std::memcpy(&who, CMSG_DATA(h), sizeof who);
      packet.sender = who.pid;
    } else if (h->cmsg_type == SCM_RIGHTS) {
      std::size_t count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (std::size_t i = 0; i < count; ++i) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(h) + i * sizeof(int), sizeof fd);
        Fd owned(fd);
        if (packet.fd_count < packet.fds.size()) packet.fds[packet.fd_count++] = std::move(owned);
      }
    }
  }
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    auto failed = failure("cannot receive a packet", EMSGSIZE);
    errno = EMSGSIZE;
    return failed;
  }
  return packet;
}

Result<Packet> await_packet(int socket, int timeout_ms, std::string_view whom, std::size_t limit) {
  pollfd wait{socket, POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&wait, 1, timeout_ms);
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) return std::unexpected("no answer in time from " + std::string(whom));
  return receive_packet(socket, limit);
}

}  // namespace nuri::shim
