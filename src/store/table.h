#pragma once

// One table per noun: its columns follow from the struct's fields(), and what the struct cannot say
// (uniqueness, what an erased reference does) is written once in tables.cc. Both stores and the
// schema page follow from this.

#include <optional>
#include <string_view>
#include <vector>

#include "model/noun.h"
#include "store/row.h"

namespace nuri::store {

using model::Noun;

// What erasing a row does to the rows that refer to it.
enum class OnErase {
  restrict_,  // refuse: Error{conflict}
  cascade,    // erase them too
  clear,      // set their reference to none
};

struct Column {
  std::string_view name;
  CellKind kind = CellKind::text;
  bool nullable = false;
  std::optional<Noun> references;
  OnErase on_erase = OnErase::restrict_;
  bool indexed = false;
};

// No two rows are equal in all of `columns`. `message` may hold {column} and {column.column}, the
// second following a reference: "User '{user_guid.username}' already has …".
struct Unique {
  std::vector<std::size_t> columns;
  std::string_view message;
};

struct Table {
  Noun noun;
  std::string_view name;        // of the table: "apps"
  std::string_view title;       // in messages: "App not found"
  std::vector<Column> columns;  // columns[0] is guid
  std::vector<Unique> uniques;

  // Asserts that there is such a column.
  std::size_t column(std::string_view column_name) const;
  std::optional<std::size_t> find_column(std::string_view column_name) const;
};

// In an order in which every table comes after those it refers to, but for references to clear.
const std::vector<Table>& tables();
const Table& table(Noun noun);

}  // namespace nuri::store
