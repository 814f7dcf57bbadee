#include "store/sqlite/sqlite_store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>

#include "store/conformance_rows.h"
#include "store/conformance_rules.h"
#include "store/sqlite/migrations.h"
#include "store/sqlite/temporary_folder.h"

namespace nuri::store {
namespace {

using testing::HasSubstr;

class SqliteUnderTest final : public StoreUnderTest {
 public:
  SqliteUnderTest() : store_(std::make_unique<SqliteStore>(folder_ / "db")) {}
  Store& store() override { return *store_; }
  void restart() override {
    store_.reset();
    store_ = std::make_unique<SqliteStore>(folder_ / "db");
  }

 private:
  TemporaryFolder folder_;
  std::unique_ptr<SqliteStore> store_;
};

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreConformance,
                         testing::Values([] { return std::make_unique<SqliteUnderTest>(); }));

model::Org named(const std::string& name) {
  SystemRandom random;
  model::Org made;
  made.guid = OrgGuid::make(random);
  made.name = name;
  return made;
}

void insert(Store& store, const std::string& name) {
  store.write([&](Writer& tx) { tx.insert(named(name)); });
}

std::int64_t count(Store& store) {
  return store.read([](Reader& reader) { return reader.count(Query<model::Org>()); });
}

Error opening_error(const std::string& path) {
  try {
    SqliteStore store(path);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "it opened";
  return Error(Code::internal, "it opened");
}

TEST(SqliteStore, OnlyItsOwnerMayReadTheFile) {
  TemporaryFolder folder;
  SqliteStore store(folder / "db");
  struct stat status{};
  ASSERT_EQ(::stat((folder / "db").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST(SqliteStore, ASecondServerIsRefused) {
  TemporaryFolder folder;
  SqliteStore store(folder / "db");
  const Error error = opening_error(folder / "db");
  EXPECT_EQ(error.code(), Code::conflict);
  EXPECT_THAT(error.message(), HasSubstr("in use by another server"));
}

TEST(SqliteStore, RefusesAFileThatIsNotADatabase) {
  TemporaryFolder folder;
  std::ofstream(folder / "db") << std::string(8192, 'x');
  const Error error = opening_error(folder / "db");
  EXPECT_EQ(error.code(), Code::data_loss);
}

TEST(SqliteStore, RefusesAnothersDatabase) {
  TemporaryFolder folder;
  {
    Connection other(folder / "db", Access::read_write);
    other.execute("CREATE TABLE mine (a)");
  }
  const Error error = opening_error(folder / "db");
  EXPECT_EQ(error.code(), Code::unprocessable);
  EXPECT_THAT(error.message(), HasSubstr("not a database of Nuri"));
}

TEST(SqliteStore, RefusesANewerSchemaWithoutTouchingIt) {
  TemporaryFolder folder;
  {
    SqliteStore store(folder / "db");
  }
  {
    Connection db(folder / "db", Access::read_write);
    db.execute("PRAGMA user_version = 1000");
  }
  const Error error = opening_error(folder / "db");
  EXPECT_EQ(error.code(), Code::unprocessable);
  EXPECT_THAT(error.message(), HasSubstr("schema version 1000"));
  Connection db(folder / "db", Access::read_write);
  EXPECT_EQ(db.number("PRAGMA user_version"), 1000);
}

TEST(SqliteStore, ADamagedDatabaseNamesTheBackup) {
  TemporaryFolder folder;
  {
    SqliteStore store(folder / "db");
    for (int i = 0; i < 200; ++i) insert(store, "org " + std::to_string(i));
    store.back_up_to(folder / "db.backup-1");
  }
  {
    std::fstream file(folder / "db", std::ios::in | std::ios::out | std::ios::binary);
    for (int page = 1; page < 40; ++page) file.seekp(page * 4096).write("damaged!", 8);
  }
  const Error error = opening_error(folder / "db");
  EXPECT_EQ(error.code(), Code::data_loss);
  EXPECT_THAT(error.message(), HasSubstr(folder / "db.backup-1"));
}

TEST(SqliteStore, ABackupIsACompleteDatabase) {
  TemporaryFolder folder;
  SqliteStore store(folder / "db");
  insert(store, "a");
  store.back_up_to(folder / "copy");
  insert(store, "b");
  SqliteStore copy(folder / "copy");
  EXPECT_EQ(count(copy), 1);
  EXPECT_EQ(count(store), 2);
}

TEST(Migration, BacksUpTheOldSchemaAndMovesForward) {
  TemporaryFolder folder;
  const std::string path = folder / "db";
  const std::array first{Migration{1, "CREATE TABLE t (a); INSERT INTO t VALUES (7)"}};
  const std::array both{first[0], Migration{2, "ALTER TABLE t ADD COLUMN b DEFAULT 8"}};
  Connection db(path, Access::read_write);
  migrate(db, first);
  EXPECT_EQ(newest_backup(path), "");
  migrate(db, both);
  EXPECT_EQ(db.number("SELECT a + b FROM t"), 15);
  EXPECT_EQ(newest_backup(path), path + ".backup-1");
  Connection backup(path + ".backup-1", Access::read_write);
  EXPECT_EQ(backup.number("PRAGMA user_version"), 1);
  EXPECT_EQ(backup.number("SELECT a FROM t"), 7);
}

TEST(Migration, AFailedStepLeavesTheOldSchemaWhole) {
  TemporaryFolder folder;
  const std::string path = folder / "db";
  const std::array first{Migration{1, "CREATE TABLE t (a)"}};
  const std::array broken{first[0], Migration{2, "CREATE TABLE u (a); SELECT nonsense FROM t"}};
  Connection db(path, Access::read_write);
  migrate(db, first);
  EXPECT_THROW(migrate(db, broken), Error);
  EXPECT_EQ(db.number("PRAGMA user_version"), 1);
  EXPECT_EQ(db.number("SELECT count(*) FROM sqlite_schema"), 1);
}

}  // namespace
}  // namespace nuri::store
