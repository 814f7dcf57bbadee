#pragma once

// ServedTable: the route table as a whole, and its way to all workers and to the disk. The main
// loop's thread.

#include <memory>
#include <string>
#include <vector>

#include "async/blocking_pool.h"
#include "router/predecessors.h"
#include "router/served_certificates.h"
#include "router/table_journal.h"
#include "router/tcp_ports.h"
#include "router/turn.h"
#include "router/worker.h"

namespace nuri::router {

class ServedTable {
 public:
  // `journal_file`: where it is kept; empty: nowhere. The others outlive this.
  ServedTable(async::Loop& loop, Workers& workers, TcpPorts& ports,
              ServedCertificates& certificates, Predecessors& predecessors,
              const std::string& journal_file);

  // Serves what was served last. Throws Error if the file cannot be read. Again: what another
  // router has written since.
  Task<void> restore();
  // Returns when nothing is written any more: from now on the file is another's.
  Task<void> let_go_of_journal();
  // Return when every worker serves it, and it is on disk or that failed, which is logged. One at a
  // time, in order.
  Task<void> change(TableChange change);
  Task<void> replace(Table whole);
  // Returns when no request is in flight to `upstream`, neither here nor in a router that drains;
  // false: cancelled.
  Task<bool> drained(std::string upstream);

 private:
  Task<void> tell_workers(const TableChange& change);
  Task<void> serve(TableChange change);

  async::Loop& loop_;
  Workers& workers_;
  TcpPorts& ports_;
  ServedCertificates& certificates_;
  Predecessors& predecessors_;
  std::shared_ptr<TableJournal> journal_;  // null: none. Used by one job of disk_ at a time
  Table table_;
  Turn committing_;
  async::ThreadPool disk_{1, 16};
};

}  // namespace nuri::router
