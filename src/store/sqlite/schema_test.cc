#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "store/sqlite/migrations.h"
#include "store/sqlite/sql.h"
#include "store/sqlite/temporary_folder.h"

namespace nuri::store {
namespace {

std::string on_one_line(const std::string& sql) {
  std::istringstream words(sql);
  std::string out, word;
  while (words >> word) out += (out.empty() ? "" : " ") + word;
  return out;
}

// Every column and index, as lines that can be compared.
std::set<std::string> shape(Connection& db) {
  std::set<std::string> out;
  Statement columns = db.prepare(
      "SELECT t.name, c.name, c.type, c.\"notnull\", c.pk, coalesce(f.\"table\", '') "
      "FROM pragma_table_list t JOIN pragma_table_info(t.name) c "
      "LEFT JOIN pragma_foreign_key_list(t.name) f ON f.\"from\" = c.name "
      "WHERE t.schema = 'main' AND t.strict");
  while (columns.step())
    out.insert(fmt::format("{}.{} {} notnull={} pk={} references={}", columns.text(0),
                           columns.text(1), columns.text(2), columns.number(3), columns.number(4),
                           columns.text(5)));
  Statement indexes =
      db.prepare("SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL");
  while (indexes.step()) out.insert(on_one_line(indexes.text(0)));
  return out;
}

TEST(Schema, MigrationsArriveAtWhatTheModelDescribes) {
  TemporaryFolder folder;
  Connection migrated(folder / "migrated", Access::read_write);
  migrate(migrated, migrations());
  Connection described(folder / "described", Access::read_write);
  std::string all;
  for (const auto& sql : create_statements()) {
    described.execute(sql);
    all += sql + ";\n";
  }
  EXPECT_EQ(shape(migrated), shape(described))
      << "a field changed without a migration; the described schema is\n"
      << all;
}

TEST(Schema, VersionsRiseOneByOne) {
  int expected = 1;
  for (const Migration& migration : migrations()) EXPECT_EQ(migration.version, expected++);
}

// "### `apps`" begins a table; "| `name` | … |" is one of its columns.
std::map<std::string, std::set<std::string>> documented() {
  std::ifstream file(NURI_SOURCE_DIR "/docs/formats/schema.md");
  std::map<std::string, std::set<std::string>> out;
  std::string line, table;
  const auto name_after = [&](std::string_view start) -> std::string {
    if (!line.starts_with(start)) return "";
    return line.substr(start.size(), line.find('`', start.size()) - start.size());
  };
  while (std::getline(file, line)) {
    if (const auto name = name_after("### `"); !name.empty()) table = name;
    if (const auto name = name_after("| `"); !name.empty()) out[table].insert(name);
  }
  return out;
}

TEST(Schema, EveryTableAndColumnIsDocumented) {
  std::map<std::string, std::set<std::string>> real;
  for (const Table& table : tables())
    for (const Column& column : table.columns)
      if (column.name != "guid" && column.name != "created_at" && column.name != "updated_at" &&
          column.name != "metadata")
        real[std::string(table.name)].insert(std::string(column.name));
  EXPECT_EQ(documented(), real);
}

}  // namespace
}  // namespace nuri::store
