#pragma once

// ctl.sock and door.sock: their listeners, connections and the answers. One thread.

#include <poll.h>

#include <optional>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/limits.h"
#include "engine/door.h"
#include "host/shim/instance.h"
#include "host/shim/result.h"
#include "host/shim/spec.h"

namespace nuri::shim {

enum class DoorKind { ctl, door };

// Makes and names the socket in the directory `dir`, owned by `group`, and listens. Needs root.
Result<Fd> open_door(int dir, const char* name, gid_t group, uid_t owner);

class Doors {
 public:
  Doors(Fd ctl, Fd door, const Owners& owners);

  // Appends what is to be polled to `wait`; after poll(), serve() with the same list.
  void add_to(std::vector<pollfd>& wait);
  void serve(const std::vector<pollfd>& wait, Instance& instance);
  // Says it to every ctl connection. Who does not read is dropped.
  void push(const door::Exit& exit);

 private:
  struct Connection {
    Fd fd;
    DoorKind kind = DoorKind::ctl;
    bool greeted = false;
  };

  void accept_from(const Fd& listener, DoorKind kind);
  bool may_connect(int socket, DoorKind kind) const;
  // False: the connection is over.
  bool serve_one(Connection& connection, Instance& instance);

  Fd ctl_, door_;
  Owners owners_;
  std::vector<Connection> connections_;
  std::size_t first_polled_ = 0;
};

// Pure: why `request` may not be served on this kind of connection now, or nothing.
std::optional<door::Refusal> check_request(const door::Request& request, DoorKind kind,
                                           bool greeted);

}  // namespace nuri::shim
