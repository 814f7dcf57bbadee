#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "base/fd.h"
#include "store/sqlite/migrations.h"

namespace nuri::store {
namespace {

void sync_path(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0)
    throw system_error(fmt::format("syncing {} to disk", path), errno);
}

void remove_quietly(const std::string& path) {
  std::error_code ignored;
  for (const char* suffix : {"", "-wal", "-shm", "-journal"})
    std::filesystem::remove(path + suffix, ignored);
}

void copy_pages(Connection& from, Connection& to) {
  sqlite3_backup* copy = sqlite3_backup_init(to.raw(), "main", from.raw(), "main");
  if (!copy) sqlite_error(to.raw(), "starting a backup");
  const int result = sqlite3_backup_step(copy, -1);
  sqlite3_backup_finish(copy);
  if (result != SQLITE_DONE) sqlite_error(to.raw(), "copying to a backup");
}

void check_identity(Connection& db) {
  const auto application = db.number("PRAGMA application_id");
  if (application == kApplicationId) return;
  const bool empty = db.number("SELECT count(*) FROM sqlite_schema") == 0;
  if (application == 0 && empty) return;
  throw Error(Code::unprocessable,
              fmt::format("{} is not a database of Nuri; move it away or name another state "
                          "directory",
                          db.path()));
}

void apply(Connection& db, const Migration& migration) {
  db.execute("BEGIN IMMEDIATE");
  try {
    db.execute(std::string(migration.sql));
    db.execute(fmt::format("PRAGMA application_id = {}", kApplicationId));
    db.execute(fmt::format("PRAGMA user_version = {}", migration.version));
    if (const auto broken = db.text("SELECT \"table\" FROM pragma_foreign_key_check LIMIT 1");
        !broken.empty())
      throw Error(Code::internal, fmt::format("table {} would hold broken references", broken));
    db.execute("COMMIT");
  } catch (const Error& error) {
    if (db.in_transaction()) sqlite3_exec(db.raw(), "ROLLBACK", nullptr, nullptr, nullptr);
    throw error.within(
        fmt::format("moving the database {} to schema version {}", db.path(), migration.version));
  }
}

}  // namespace

void back_up(Connection& db, const std::string& to) {
  const std::string part = to + ".part";
  remove_quietly(part);
  try {
    {
      Connection copy(part, Access::read_write);
      copy_pages(db, copy);
      copy.execute("PRAGMA journal_mode = DELETE");
      const std::string verdict = copy.text("PRAGMA integrity_check(1)");
      if (verdict != "ok") throw Error(Code::data_loss, "its copy is damaged: " + verdict);
    }
    sync_path(part);
    if (std::rename(part.c_str(), to.c_str()) != 0)
      throw system_error(fmt::format("renaming {} to {}", part, to), errno);
    const auto folder = std::filesystem::path(to).parent_path();
    sync_path(folder.empty() ? "." : folder.string());
  } catch (const Error& error) {
    remove_quietly(part);
    throw error.within(fmt::format("backing up {} to {}", db.path(), to));
  }
}

void migrate(Connection& db, std::span<const Migration> list) {
  check_identity(db);
  const auto version = db.number("PRAGMA user_version");
  const int newest = list.back().version;
  if (version > newest)
    throw Error(Code::unprocessable,
                fmt::format("{} has schema version {}, this Nuri knows up to {}; start the newer "
                            "Nuri that wrote it, or restore {}.backup-{} if you want to go back",
                            db.path(), version, newest, db.path(), newest));
  if (version == newest) return;
  if (version > 0) back_up(db, fmt::format("{}.backup-{}", db.path(), version));
  for (const Migration& migration : list)
    if (migration.version > version) apply(db, migration);
}

}  // namespace nuri::store
