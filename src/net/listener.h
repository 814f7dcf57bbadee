#pragma once

// Listener: a listening socket, made here or handed in (LISTEN_FDS, sd_listen_fds(3)).

#include <functional>
#include <vector>

#include "async/descriptor.h"
#include "net/address.h"

namespace nuri::net {

enum class ReusePort { no, yes };

// Binds and listens. Throws Error naming the address and what to do (in use, not permitted). Port 0
// picks one: see local_address.
Fd listen_on(const Address& address, ReusePort reuse = ReusePort::no);
// For a process that starts, perhaps in the place of one that was killed: io_uring lets go of a
// process's sockets some milliseconds after its end, so while `listen` throws Code::conflict it is
// called again, for a second at most. Blocks.
Fd at_start(const std::function<Fd()>& listen);
Fd listen_at_start(const Address& address);
// The address a socket is bound to.
Address local_address(int socket);

// Descriptors handed in by LISTEN_FDS/LISTEN_PID from number 3 on, with their LISTEN_FDNAMES; the
// variables are removed. LISTEN_PID may be missing (a supervisor that execs cannot know it);
// another's is ignored.
struct HandedIn {
  std::string name;
  Fd fd;
};
std::vector<HandedIn> handed_in_listeners();

class Listener {
 public:
  Listener(async::Loop& loop, Fd socket) : descriptor_(loop, std::move(socket)) {}
  // IoError::no_resources: out of descriptors; wait a moment before the next call.
  auto accept() { return descriptor_.accept(); }
  Address address() const { return local_address(descriptor_.native()); }

 private:
  async::Descriptor descriptor_;
};

}  // namespace nuri::net
