#pragma once

// Packets with descriptors between processes of one machine: AF_UNIX, SOCK_SEQPACKET (unix(7)).
// Path sockets only.

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "async/descriptor.h"
#include "async/task.h"

namespace nuri::net {

// Who is at the other end, as the kernel saw it when the connection was made (SO_PEERCRED).
struct PeerCredentials {
  pid_t pid = -1;
  uid_t uid = static_cast<uid_t>(-1);
  gid_t gid = static_cast<gid_t>(-1);
};

class PacketSocket {
 public:
  struct Packet {
    std::string text;  // empty with no fds: the peer closed
    std::vector<Fd> fds;
    bool end() const { return text.empty() && fds.empty(); }
  };

  PacketSocket() = default;
  PacketSocket(async::Loop& loop, Fd socket) : descriptor_(loop, std::move(socket)) {}

  // Connects to a path; unreachable if nothing is there, refused if nobody listens.
  static Task<IoResult<PacketSocket>> connect(async::Loop& loop, std::string path);

  explicit operator bool() const { return static_cast<bool>(descriptor_); }
  Task<IoResult<Packet>> receive(std::size_t limit_bytes);
  Task<IoResult<void>> send(std::string text, std::vector<int> fds = {});
  PeerCredentials peer() const;
  int native() const { return descriptor_.native(); }

 private:
  async::Descriptor descriptor_;
};

// A listening SEQPACKET path socket with mode `mode`, replacing a stale one. Throws Error.
Fd listen_packets(const std::string& path, mode_t mode);

}  // namespace nuri::net
