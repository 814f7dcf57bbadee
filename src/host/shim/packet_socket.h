#pragma once

// Sending and receiving packets with descriptors on SOCK_SEQPACKET sockets: of the handshake, of
// init, of the doors.

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/limits.h"
#include "host/shim/result.h"

namespace nuri::shim {

// Blocks when the socket does, unless flags say MSG_DONTWAIT. False: errno says why.
bool send_packet(int socket, std::string_view bytes, std::span<const int> fds = {}, int flags = 0);

struct Packet {
  std::string bytes;
  std::array<Fd, 8> fds;
  std::size_t fd_count = 0;
  pid_t sender = 0;  // if the socket has SO_PASSCRED
  bool end = false;  // the peer has closed
};

// One packet of at most `limit` bytes. A cut packet, too many descriptors, and errno errors (EAGAIN
// too) are failures, with errno set.
Result<Packet> receive_packet(int socket, std::size_t limit = limits::kDoorPacketBytes,
                              int flags = 0);

// The same, waiting at most `timeout_ms`. `whom` for the error.
Result<Packet> await_packet(int socket, int timeout_ms, std::string_view whom,
                            std::size_t limit = limits::kDoorPacketBytes);

}  // namespace nuri::shim
