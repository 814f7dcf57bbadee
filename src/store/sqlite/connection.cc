#include "store/sqlite/connection.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

#include "base/assert.h"
#include "base/fd.h"

namespace nuri::store {
namespace {

constexpr int kBusyTimeoutMs = 10'000;

std::string damage_advice(const std::string& path) {
  const std::string backup = newest_backup(path);
  if (backup.empty())
    return fmt::format("no backup ({}.backup-*) exists; keep the file for recovery", path);
  return fmt::format(
      "the newest backup is {}: stop the server, move {} and its -wal aside, copy "
      "the backup to {}, start the server",
      backup, path, path);
}

}  // namespace

std::string newest_backup(const std::string& path) {
  namespace fs = std::filesystem;
  const fs::path file(path);
  const std::string prefix = file.filename().string() + ".backup-";
  std::string newest;
  fs::file_time_type newest_time;
  std::error_code failed;
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  for (const auto& entry : fs::directory_iterator(folder, failed)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix) || name.ends_with(".part")) continue;
    const auto time = entry.last_write_time(failed);
    if (failed || (!newest.empty() && time <= newest_time)) continue;
    newest = entry.path().string();
    newest_time = time;
  }
  return newest;
}

void sqlite_error(sqlite3* db, std::string_view doing) {
  const int code = sqlite3_errcode(db) & 0xff;
  const int os_error = sqlite3_system_errno(db);
  const char* file = sqlite3_db_filename(db, "main");
  const std::string path = file ? file : "";
  const std::string what = fmt::format("database {}: {}: {}", path, doing, sqlite3_errmsg(db));
  if (code == SQLITE_FULL || (code == SQLITE_IOERR && (os_error == ENOSPC || os_error == EDQUOT)))
    throw Error(Code::no_space, what + "; nothing was saved; free some space and try again");
  if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
    throw Error(Code::data_loss, fmt::format("{}; {}", what, damage_advice(path)));
  if (code == SQLITE_BUSY || code == SQLITE_LOCKED || code == SQLITE_IOERR ||
      code == SQLITE_CANTOPEN)
    throw Error(Code::unavailable, what);
  throw Error(Code::internal, what);
}

Statement::~Statement() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

Statement& Statement::bind(const Cell& cell) {
  ++bound_;
  int result = SQLITE_OK;
  if (const auto* number = std::get_if<std::int64_t>(&cell))
    result = sqlite3_bind_int64(statement_, bound_, *number);
  else if (const auto* text = std::get_if<std::string>(&cell))
    result = sqlite3_bind_text64(statement_, bound_, text->data(), text->size(), SQLITE_TRANSIENT,
                                 SQLITE_UTF8);
  else
    result = sqlite3_bind_null(statement_, bound_);
  if (result != SQLITE_OK) sqlite_error(sqlite3_db_handle(statement_), "binding a value");
  return *this;
}

bool Statement::step() {
  const int result = sqlite3_step(statement_);
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  sqlite_error(sqlite3_db_handle(statement_), sqlite3_sql(statement_));
}

std::string Statement::text(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  const int size = sqlite3_column_bytes(statement_, column);
  return bytes ? std::string(bytes, static_cast<std::size_t>(size)) : std::string();
}

Cell Statement::cell(int column) const {
  switch (sqlite3_column_type(statement_, column)) {
    case SQLITE_NULL:
      return std::monostate();
    case SQLITE_INTEGER:
      return number(column);
    default:
      return text(column);
  }
}

Connection::Connection(const std::string& path, Access access) : path_(path) {
  if (access == Access::read_write) {
    const Fd made(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!made) throw system_error(fmt::format("opening the database {}", path), errno);
  }
  const int flags = access == Access::read_write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
  const int result = sqlite3_open_v2(path.c_str(), &db_, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  if (result != SQLITE_OK) {
    const std::string why = db_ ? sqlite3_errmsg(db_) : "out of memory";
    sqlite3_close_v2(db_);
    throw Error(Code::unavailable, fmt::format("opening the database {}: {}", path, why));
  }
  sqlite3_extended_result_codes(db_, 1);
  sqlite3_busy_timeout(db_, kBusyTimeoutMs);
}

Connection::~Connection() {
  for (auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close_v2(db_);
}

void Connection::execute(const std::string& sql) {
  if (sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    sqlite_error(db_, sql.substr(0, 80));
}

Statement Connection::prepare(const std::string& sql) {
  const auto cached = statements_.find(sql);
  if (cached != statements_.end()) return Statement(cached->second);
  if (statements_.size() >= kCachedStatements) {
    for (auto it = statements_.begin(); it != statements_.end();)
      if (!sqlite3_stmt_busy(it->second)) {
        sqlite3_finalize(it->second);
        it = statements_.erase(it);
      } else {
        ++it;
      }
  }
  sqlite3_stmt* made = nullptr;
  if (sqlite3_prepare_v3(db_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                         &made, nullptr) != SQLITE_OK)
    sqlite_error(db_, sql);
  statements_[sql] = made;
  return Statement(made);
}

std::int64_t Connection::number(const std::string& sql) {
  Statement statement = prepare(sql);
  return statement.step() ? statement.number(0) : 0;
}

std::string Connection::text(const std::string& sql) {
  Statement statement = prepare(sql);
  return statement.step() ? statement.text(0) : std::string();
}

bool Connection::in_transaction() const { return sqlite3_get_autocommit(db_) == 0; }

}  // namespace nuri::store
