#pragma once

// The route table on disk, so that a router that starts serves at once what it served before. A
// file of checked lines: changes are appended, and it is written anew when it has grown
// (docs/formats/route_table.md). It holds keys: only its owner may read it. Blocking; one thread.

#include <string>

#include "base/fd.h"
#include "router/table.h"

namespace nuri::router {

class TableJournal {
 public:
  explicit TableJournal(std::string path) : path_(std::move(path)) {}
  // What it holds; nothing if there is no file. A line that was cut short or damaged, and all
  // behind it, is dropped: the server sends the whole table anyway when it is back.
  Table load();
  // Whether the next append needs the table that results, to write the file anew.
  bool wants_table() const { return !file_ || bytes_ > compact_at_; }
  // Durable when it returns. `table`: what results; empty unless wants_table(). Throws Error; the
  // next append then wants the table.
  void append(const TableChange& change, const Table& table);

 private:
  void rewrite(const Table& table);
  std::string path_;
  Fd file_;  // none: what is there cannot be appended to
  std::uint64_t bytes_ = 0;
  std::uint64_t compact_at_ = 0;
};

}  // namespace nuri::router
