#pragma once

// SQLite's C API with owners: a connection, its prepared statements, and its errors as nuri::Error.
// A connection is used by one thread at a time; who shares it locks.

#include <sqlite3.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "store/row.h"

namespace nuri::store {

enum class Access { read_write, read_only };

// A prepared statement in use: bound, stepped, and reset when it goes out of scope.
class Statement {
 public:
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(const Cell& cell);  // the next parameter; `cell` is copied
  // True while there is a row. Throws Error as sqlite_error does.
  bool step();
  Cell cell(int column) const;
  std::int64_t number(int column) const { return sqlite3_column_int64(statement_, column); }
  std::string text(int column) const;

 private:
  sqlite3_stmt* statement_;
  int bound_ = 0;
};

class Connection {
 public:
  // Opens, and for Access::read_write makes the file (mode 0600) when it is not there.
  Connection(const std::string& path, Access access);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Runs statements that give no rows.
  void execute(const std::string& sql);
  // A statement of the cache; `sql` must not be in use.
  Statement prepare(const std::string& sql);
  std::int64_t number(const std::string& sql);
  std::string text(const std::string& sql);

  bool in_transaction() const;
  sqlite3* raw() { return db_; }
  const std::string& path() const { return path_; }

 private:
  static constexpr std::size_t kCachedStatements = 256;

  std::string path_;
  sqlite3* db_ = nullptr;
  std::map<std::string, sqlite3_stmt*, std::less<>> statements_;
};

// The error that `db` met last, while `doing`: full disk → no_space, damage → data_loss naming the
// newest backup beside the file, locked or an I/O error → unavailable, anything else → internal.
[[noreturn]] void sqlite_error(sqlite3* db, std::string_view doing);

// The newest PATH.backup-*, or empty.
std::string newest_backup(const std::string& path);

}  // namespace nuri::store
