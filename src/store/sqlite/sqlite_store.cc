#include "store/sqlite/sqlite_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <cerrno>

#include "base/log.h"
#include "store/sqlite/migrations.h"
#include "store/sqlite/sql.h"

namespace nuri::store {
namespace {

// Above this the check at every start would take too long; damage then shows when it is read.
constexpr std::int64_t kCheckedPages = 16'384;  // 64 MiB

Fd lock_file(const std::string& path) {
  const std::string lock = path + ".lock";
  Fd fd(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) throw system_error(fmt::format("opening {}", lock), errno);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
    throw Error(Code::conflict,
                fmt::format("the database {} is in use by another server of Nuri; stop that one "
                            "first, or use another realm",
                            path));
  return fd;
}

void configure(Connection& db) {
  db.execute("PRAGMA mmap_size = 0");
  db.execute("PRAGMA foreign_keys = ON");
  db.execute("PRAGMA trusted_schema = OFF");
}

Row read_row(Statement& statement, std::size_t columns) {
  Row row;
  row.reserve(columns);
  for (std::size_t i = 0; i < columns; ++i) row.push_back(statement.cell(static_cast<int>(i)));
  return row;
}

class SqliteWriter final : public Writer {
 public:
  explicit SqliteWriter(Connection& db) : db_(db) {}
  using Writer::take_changes;

 protected:
  std::optional<Row> find_row(const Table& table, const std::string& guid) override {
    Statement statement = db_.prepare(select_one(table));
    statement.bind(guid);
    if (!statement.step()) return std::nullopt;
    return read_row(statement, table.columns.size());
  }

  std::vector<Row> list_rows(const Table& table, const Selection& selection) override {
    const Sql sql = select_rows(table, selection);
    Statement statement = db_.prepare(sql.text);
    for (const Cell& value : sql.values) statement.bind(value);
    std::vector<Row> rows;
    while (statement.step()) rows.push_back(read_row(statement, table.columns.size()));
    return rows;
  }

  std::int64_t count_rows(const Table& table, const Selection& selection) override {
    const Sql sql = store::count_rows(table, selection);
    Statement statement = db_.prepare(sql.text);
    for (const Cell& value : sql.values) statement.bind(value);
    statement.step();
    return statement.number(0);
  }

  void insert_row(const Table& table, const Row& row) override {
    Statement statement = db_.prepare(insert_one(table));
    for (const Cell& cell : row) statement.bind(cell);
    statement.step();
  }

  void update_row(const Table& table, const Row& row) override {
    Statement statement = db_.prepare(update_one(table));
    for (const Cell& cell : row) statement.bind(cell);
    statement.bind(row.front()).step();
  }

  void erase_row(const Table& table, const std::string& guid) override {
    Statement statement = db_.prepare(erase_one(table));
    statement.bind(guid).step();
  }

 private:
  Connection& db_;
};

void roll_back(Connection& db) {
  if (db.in_transaction()) sqlite3_exec(db.raw(), "ROLLBACK", nullptr, nullptr, nullptr);
}

}  // namespace

class SqliteStore::ReaderLease {
 public:
  explicit ReaderLease(SqliteStore& store) : store_(store) {
    std::unique_lock lock(store.readers_mutex_);
    store.reader_free_.wait(
        lock, [&] { return !store.idle_readers_.empty() || store.readers_ < kReaders; });
    if (!store.idle_readers_.empty()) {
      connection_ = std::move(store.idle_readers_.back());
      store.idle_readers_.pop_back();
      return;
    }
    connection_ = std::make_unique<Connection>(store.path_, Access::read_only);
    configure(*connection_);
    connection_->execute("PRAGMA wal_autocheckpoint = 0");
    ++store.readers_;
  }
  ~ReaderLease() {
    roll_back(*connection_);
    {
      std::lock_guard lock(store_.readers_mutex_);
      store_.idle_readers_.push_back(std::move(connection_));
    }
    store_.reader_free_.notify_one();
  }
  ReaderLease(const ReaderLease&) = delete;
  ReaderLease& operator=(const ReaderLease&) = delete;
  Connection& connection() { return *connection_; }

 private:
  SqliteStore& store_;
  std::unique_ptr<Connection> connection_;
};

SqliteStore::SqliteStore(const std::string& path)
    : path_(path),
      lock_(lock_file(path)),
      writer_(std::make_unique<Connection>(path, Access::read_write)) {
  configure(*writer_);
  if (writer_->text("PRAGMA journal_mode = WAL") != "wal")
    throw Error(
        Code::unavailable,
        fmt::format("the database {} cannot use a write-ahead log on this file system", path));
  sync_as(Durability::synced);
  if (writer_->number("PRAGMA page_count") <= kCheckedPages) {
    const std::string verdict = writer_->text("PRAGMA quick_check(1)");
    if (verdict != "ok") {
      const std::string backup = newest_backup(path);
      throw Error(Code::data_loss, fmt::format("the database {} is damaged: {}; {}", path, verdict,
                                               backup.empty() ? "there is no backup beside it"
                                                              : "the newest backup is " + backup));
    }
  }
  migrate(*writer_, migrations());
}

SqliteStore::~SqliteStore() {
  idle_readers_.clear();  // before the writer: who closes last does the checkpoint
}

void SqliteStore::run_read(const std::function<void(Reader&)>& body) {
  ReaderLease lease(*this);
  lease.connection().execute("BEGIN");
  SqliteWriter reader(lease.connection());
  body(reader);
}

// Of the log: FULL syncs it at each commit, NORMAL before a checkpoint only
// (sqlite.org/pragma.html).
void SqliteStore::sync_as(Durability durability) {
  if (syncs_as_ == durability) return;
  writer_->execute(durability == Durability::synced ? "PRAGMA synchronous = FULL"
                                                    : "PRAGMA synchronous = NORMAL");
  syncs_as_ = durability;
}

Changes SqliteStore::run_write(const std::function<void(Writer&)>& body, Durability durability) {
  std::lock_guard lock(write_mutex_);
  sync_as(durability);
  writer_->execute("BEGIN IMMEDIATE");
  SqliteWriter writer(*writer_);
  try {
    body(writer);
  } catch (...) {
    roll_back(*writer_);
    throw;
  }
  try {
    writer_->execute("COMMIT");
  } catch (const Error& error) {
    roll_back(*writer_);
    if (error.code() == Code::unavailable)
      throw error.within("it is not known whether the change was saved; look before trying again");
    throw;
  }
  return writer.take_changes();
}

void SqliteStore::back_up_to(const std::string& path) {
  std::lock_guard lock(write_mutex_);
  back_up(*writer_, path);
}

}  // namespace nuri::store
