#pragma once

// The route table on disk, so that a router that starts serves at once what it served before. A
// file of checked lines: changes are appended, and it is written anew when it has grown
// (docs/formats/route_table.md). Blocking; one thread.

#include <map>
#include <string>

#include "base/fd.h"
#include "router/table_change.h"

namespace nuri::router {

using Table = std::map<RouteKey, model::RouteEntry>;

// What turns `from` into `to`.
TableChange difference(const Table& from, const Table& to);
void apply_change(Table& table, const TableChange& change);

class TableJournal {
 public:
  // The file is made if it is not there. Throws Error.
  explicit TableJournal(std::string path);
  // What it holds. A line that was cut short by a crash, and all behind it, is dropped: the server
  // sends the whole table anyway when it is back.
  Table load();
  // Durable when it returns. `table`: what results, for when the file is written anew.
  void append(const TableChange& change, const Table& table);

 private:
  void rewrite(const Table& table);
  std::string path_;
  Fd file_;
  std::uint64_t bytes_ = 0;  // of the file
  std::uint64_t compact_at_ = 0;
};

}  // namespace nuri::router
