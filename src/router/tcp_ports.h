#pragma once

// TcpPorts: the listening sockets of TCP routes. Each is opened once and shared by all workers, and
// goes to a successor. The main loop's thread.

#include <map>
#include <vector>

#include "async/event.h"
#include "async/task.h"
#include "net/listener.h"
#include "router/table_change.h"
#include "router/worker.h"

namespace nuri::router {

using Workers = std::vector<std::unique_ptr<Worker>>;

class TcpPorts {
 public:
  // Sockets are among `listeners` by the name "tcp-PORT": what is there already is taken. They are
  // opened at the address of the one named "apps". Both outlive this.
  TcpPorts(Workers& workers, std::vector<net::HandedIn>& listeners);

  // What a predecessor holds: its sockets take the place of opening them, where they have the
  // address that theirs would have.
  void inherit(std::vector<net::HandedIn> from);
  // From now on workers accept there.
  void begin();
  // From now on no port is opened: they are a successor's.
  void end() { began_ = false; }
  // After the workers were told of `change`.
  void follow(const TableChange& change);
  // Ports that could not be opened are logged, and tried again at the next change; while this runs
  // soon, if they were taken: by another program, or for some milliseconds by a killed router.
  Task<void> try_again();

 private:
  enum class State { waiting, taken, open };
  void open_all();
  void open(std::uint16_t port);
  void close(std::uint16_t port);
  net::HandedIn* find(std::uint16_t port);
  net::Address address_of(std::uint16_t port) const;

  Workers& workers_;
  std::vector<net::HandedIn>& listeners_;
  std::map<std::uint16_t, State> wanted_;
  bool began_ = false;
  async::Event missing_;  // a port is taken
};

}  // namespace nuri::router
