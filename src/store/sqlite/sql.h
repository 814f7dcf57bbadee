#pragma once

// SQL that follows from the tables of store/table.h.

#include <string>
#include <vector>

#include "store/query.h"
#include "store/table.h"

namespace nuri::store {

// CREATE statements of the newest schema: what all migrations together must arrive at.
std::vector<std::string> create_statements();

// A statement and the values of its parameters.
struct Sql {
  std::string text;
  std::vector<Cell> values;
};
Sql select_rows(const Table& table, const Selection& selection);
Sql count_rows(const Table& table, const Selection& selection);
std::string select_one(const Table& table);  // parameter: guid
std::string insert_one(const Table& table);  // parameters: the row
std::string update_one(const Table& table);  // parameters: the row, guid
std::string erase_one(const Table& table);   // parameter: guid

}  // namespace nuri::store
