#pragma once

// ServedTable: the route table as a whole, and its way to all workers and to the disk. The main
// loop's thread.

#include <memory>
#include <string>
#include <vector>

#include "async/blocking_pool.h"
#include "router/table_journal.h"
#include "router/turn.h"
#include "router/worker.h"

namespace nuri::router {

using Workers = std::vector<std::unique_ptr<Worker>>;

class ServedTable {
 public:
  // `journal_file`: where it is kept; empty: nowhere. The workers outlive this.
  ServedTable(async::Loop& loop, Workers& workers, const std::string& journal_file);

  // Serves what was served last. Throws Error if the file cannot be read.
  Task<void> restore();
  // Return when every worker serves it, and it is on disk or that failed, which is logged. One at a
  // time, in order.
  Task<void> change(TableChange change);
  Task<void> replace(Table whole);
  // Returns when no request is in flight to `upstream`; false: cancelled.
  Task<bool> drained(std::string upstream);

 private:
  Task<void> tell_workers(const TableChange& change);
  Task<void> serve(TableChange change);

  async::Loop& loop_;
  Workers& workers_;
  std::shared_ptr<TableJournal> journal_;  // null: none. Used by one job of disk_ at a time
  Table table_;
  Turn committing_;
  async::ThreadPool disk_{1, 16};
};

}  // namespace nuri::router
