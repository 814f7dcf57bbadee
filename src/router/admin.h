#pragma once

// The router's admin socket: where the server says what is served, and a new supervisor gets the
// listening sockets back (docs/formats/route_table.md). The main loop's thread.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/blocking_pool.h"
#include "async/event.h"
#include "async/task_group.h"
#include "net/listener.h"
#include "net/packet_socket.h"
#include "router/table_journal.h"
#include "router/turn.h"
#include "router/worker.h"

namespace nuri::router {

class Admin {
 public:
  using Workers = std::vector<std::unique_ptr<Worker>>;
  // `uids`: who may speak here, besides root. What is passed by reference outlives the loop's tasks
  // and the workers' threads.
  Admin(async::Loop& loop, std::string table_file, std::vector<unsigned> uids,
        const std::vector<net::HandedIn>& listeners, Workers& workers);

  // Serves what was served last. Throws Error if the table's file cannot be read.
  Task<void> restore();
  // Until cancelled.
  Task<void> serve(Fd listener);

 private:
  struct Conversation;
  Task<void> converse(net::PacketSocket socket);
  Task<bool> handle(Conversation& conversation, FeedMessage message);
  Task<IoResult<void>> say(Conversation& conversation, std::string text, std::vector<int> fds = {});
  Task<void> commit(std::optional<Table> whole, TableChange change);
  Task<void> answer_drained(Conversation& conversation, std::string upstream);

  async::Loop& loop_;
  std::vector<unsigned> uids_;
  const std::vector<net::HandedIn>& listeners_;
  Workers& workers_;
  std::shared_ptr<TableJournal> journal_;  // used by one job of disk_ at a time
  Table table_;
  Turn committing_;
  async::ThreadPool disk_{1, 16};
};

}  // namespace nuri::router
