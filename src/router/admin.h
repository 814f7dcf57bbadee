#pragma once

// The router's admin socket: where the server says what is served, and a new supervisor gets the
// listening sockets back (docs/formats/route_table.md). The main loop's thread.

#include <string>
#include <vector>

#include "async/task_group.h"
#include "net/listener.h"
#include "net/packet_socket.h"
#include "router/served_table.h"

namespace nuri::router {

class Admin {
 public:
  // `uids`: who may speak here, besides root. What is passed by reference outlives the loop's
  // tasks.
  Admin(async::Loop& loop, ServedTable& table, std::vector<unsigned> uids,
        const std::vector<net::HandedIn>& listeners);

  // Until cancelled.
  Task<void> serve(Fd listener);
  // Tells the server that requests wait for the app. Never waits; without a server nobody hears it,
  // and it is said again.
  void wake(const std::string& app);

 private:
  struct Conversation;
  struct Listed;
  Task<void> converse(net::PacketSocket socket);
  Task<bool> handle(Conversation& conversation, FeedMessage message);
  Task<IoResult<void>> say(Conversation& conversation, std::string text, std::vector<int> fds = {});
  Task<void> say_wake(Conversation& conversation, std::string app);
  Task<void> answer_drained(Conversation& conversation, std::string upstream);

  async::Loop& loop_;
  ServedTable& table_;
  std::vector<unsigned> uids_;
  const std::vector<net::HandedIn>& listeners_;
  std::vector<Conversation*> conversations_;
};

}  // namespace nuri::router
