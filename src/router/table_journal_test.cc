#include "router/table_journal.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "base/random.h"

namespace nuri::router {
namespace {

class TableJournalTest : public testing::Test {
 protected:
  TableJournalTest() {
    char dir[] = "/tmp/nuri-journal-XXXXXX";
    EXPECT_NE(::mkdtemp(dir), nullptr);
    directory_ = dir;
    path_ = directory_ + "/routes";
  }
  ~TableJournalTest() override { std::filesystem::remove_all(directory_); }

  static model::RouteEntry entry(const std::string& host, const std::string& app) {
    return {.host = host,
            .path = "",
            .app = app,
            .upstreams = {{.id = app + "/0", .address = "door:/run/x"}}};
  }
  std::string read() const {
    std::ifstream file(path_);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  void write(const std::string& text) const { std::ofstream(path_) << text; }
  Table load() const { return TableJournal(path_).load(); }

  std::string directory_, path_;
};

// Applies a change as the router does.
void commit(TableJournal& journal, Table& table, const TableChange& change) {
  apply_change(table, change);
  journal.append(change, journal.wants_table() ? table : Table());
}

TEST_F(TableJournalTest, IsEmptyWhereThereIsNone) { EXPECT_TRUE(load().empty()); }

TEST_F(TableJournalTest, HoldsWhatWasAppended) {
  Table table;
  {
    TableJournal journal(path_);
    journal.load();
    commit(journal, table, {{entry("a", "1"), entry("b", "1")}, {}});
    commit(journal, table, {{entry("a", "2")}, {{"b", ""}}});
    commit(journal, table, {{entry("c", "1")}, {}});
  }
  EXPECT_EQ(load(), table);
  TableJournal journal(path_);
  EXPECT_EQ(journal.load(), table);
  EXPECT_FALSE(journal.wants_table());
  commit(journal, table, {{entry("d", "1")}, {}});
  EXPECT_EQ(load(), table);
}

TEST_F(TableJournalTest, AnyPrefixIsSomeEarlierTable) {
  std::vector<Table> tables(1);
  {
    TableJournal journal(path_);
    Table table;
    for (int n = 0; n < 6; ++n) {
      commit(journal, table, {{entry(std::to_string(n % 3), std::to_string(n))}, {}});
      tables.push_back(table);
    }
  }
  const std::string whole = read();
  std::size_t at = 0;
  for (std::size_t bytes = 0; bytes <= whole.size(); ++bytes) {
    write(whole.substr(0, bytes));
    const Table table = load();
    const auto found = std::ranges::find(tables, table);
    ASSERT_NE(found, tables.end()) << bytes;
    const auto index = static_cast<std::size_t>(found - tables.begin());
    EXPECT_GE(index, at) << bytes;
    at = index;
    // What is appended behind a torn line is not lost.
    TableJournal journal(path_);
    Table next = journal.load();
    commit(journal, next, {{entry("new", "1")}, {}});
    ASSERT_EQ(load(), next) << bytes;
  }
  EXPECT_EQ(at, tables.size() - 1);
}

TEST_F(TableJournalTest, ADamagedByteLosesOnlyWhatFollows) {
  std::vector<Table> tables(1);
  TableJournal journal(path_);
  Table table;
  for (int n = 0; n < 4; ++n) {
    commit(journal, table, {{entry(std::to_string(n), "app")}, {}});
    tables.push_back(table);
  }
  const std::string whole = read();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    write(damaged);
    EXPECT_NE(std::ranges::find(tables, load()), tables.end()) << at;
  }
}

TEST_F(TableJournalTest, IsWrittenAnewWhenItHasGrown) {
  TableJournal journal(path_);
  Table table;
  std::uintmax_t largest = 0;
  for (int n = 0; n < 20'000; ++n) {
    apply_change(table, {{entry("only", std::to_string(n))}, {}});
    const bool anew = journal.wants_table();
    // Syncing 20,000 times is not what this tests: many changes go in one append.
    if (n % 100 == 99 || anew) {
      TableChange change;
      for (int i = 0; i < 100; ++i) change.put.push_back(entry("only", std::to_string(n)));
      journal.append(change, anew ? table : Table());
    }
    largest = std::max(largest, std::filesystem::file_size(path_));
  }
  EXPECT_GT(largest, 1U << 20);
  EXPECT_LT(largest, 2U << 20);
  EXPECT_EQ(load().routes.size(), 1U);
  EXPECT_FALSE(std::filesystem::exists(path_ + ".new"));
}

TEST_F(TableJournalTest, AFailureToWriteIsMadeGoodByTheNextAppend) {
  const std::string blocked = path_ + ".new";
  TableJournal journal(path_);
  Table table;
  std::filesystem::create_directory(blocked);
  EXPECT_THROW(commit(journal, table, {{entry("a", "1")}, {}}), Error);
  EXPECT_TRUE(journal.wants_table());
  std::filesystem::remove(blocked);
  commit(journal, table, {{entry("b", "1")}, {}});
  EXPECT_EQ(load(), table);
}

TEST_F(TableJournalTest, HoldsEntriesWithManyInstances) {
  Table table;
  model::RouteEntry large = entry("large", "1");
  for (int n = 0; n < 1000; ++n)
    large.upstreams.push_back({.id = "0123456789abcdef0123456789abcdef-" + std::to_string(n),
                               .address = "door:/run/nuri/nuri/i/0123456789abcdef/door.sock"});
  TableJournal journal(path_);
  commit(journal, table, {{large}, {}});
  EXPECT_EQ(load(), table);
}

TEST_F(TableJournalTest, HoldsCertificatesAndChallengesForItsOwnerAlone) {
  const auto others = std::filesystem::perms::group_all | std::filesystem::perms::others_all;
  Table table;
  TableJournal journal(path_);
  TableChange change{{entry("a", "1")}, {}};
  change.put_certificates = {{"1", {"a"}, "chain", "key"}, {"2", {"b"}, "chain", "key"}};
  change.put_challenges = {{"token", "token.key"}};
  commit(journal, table, change);
  EXPECT_EQ(std::filesystem::status(path_).permissions() & others, std::filesystem::perms::none);
  TableChange more;
  more.remove_certificates = {"2"};
  more.remove_challenges = {"token"};
  commit(journal, table, more);
  EXPECT_EQ(load(), table);
  EXPECT_EQ(load().certificates.size(), 1U);
}

TEST_F(TableJournalTest, AFileThatOthersCouldReadIsMadePrivateBeforeItIsWritten) {
  const auto group = std::filesystem::perms::group_read;
  Table table;
  {
    TableJournal journal(path_);
    commit(journal, table, {{entry("a", "1")}, {}});
  }
  std::filesystem::permissions(path_, group, std::filesystem::perm_options::add);
  std::ofstream(path_ + ".new") << "of one that died";
  std::filesystem::permissions(path_ + ".new", group, std::filesystem::perm_options::add);
  TableJournal journal(path_);
  journal.load();
  EXPECT_EQ(std::filesystem::status(path_).permissions() & group, std::filesystem::perms::none);
  TableJournal anew(path_);
  commit(anew, table, {{entry("b", "1")}, {}});
  EXPECT_EQ(std::filesystem::status(path_).permissions() & group, std::filesystem::perms::none);
}

}  // namespace
}  // namespace nuri::router
