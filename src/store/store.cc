#include "store/store.h"

#include <fmt/format.h>

#include <algorithm>

namespace nuri::store {
namespace {

const std::string& guid_of(const Row& row) { return std::get<std::string>(row.front()); }

Condition equals(std::size_t column, const Cell& cell) {
  if (is_null(cell)) return {column, Condition::Is::null, {}};
  return {column, Condition::Is::any_of, {cell}};
}

Selection referring(std::size_t column, const std::string& guid) {
  Selection selection;
  selection.conditions.push_back(equals(column, Cell(guid)));
  return selection;
}

std::string shown(const Cell& cell) {
  if (const auto* number = std::get_if<std::int64_t>(&cell)) return fmt::format("{}", *number);
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  return "";
}

}  // namespace

void Reader::not_found(const Table& table) {
  throw Error(Code::not_found, fmt::format("{} not found", table.title));
}

void Reader::undecodable(const Table& table, const Row& row, const Error& error) {
  throw Error(Code::data_loss,
              fmt::format("reading row {} of table {}: {}", row.empty() ? "" : shown(row.front()),
                          table.name, error.message()));
}

void Writer::checked_insert(const Table& table, const Row& row) {
  if (!is_guid(guid_of(row)))
    throw Error(Code::internal,
                fmt::format("inserting into {}: '{}' is not a guid", table.name, guid_of(row)));
  if (find_row(table, guid_of(row)))
    throw Error(Code::conflict, fmt::format("{} {} exists already", table.title, guid_of(row)));
  check_references(table, row);
  check_unique(table, row, {});
  insert_row(table, row);
  changes_.push_back({table.noun, guid_of(row)});
}

void Writer::checked_update(const Table& table, const Row& row) {
  auto old = find_row(table, guid_of(row));
  if (!old) not_found(table);
  if (*old == row) return;
  check_references(table, row);
  check_unique(table, row, guid_of(row));
  update_row(table, row);
  changes_.push_back({table.noun, guid_of(row)});
}

void Writer::checked_erase(const Table& table, const std::string& guid) {
  if (!find_row(table, guid)) not_found(table);
  release_referrers(table, guid);
  // A cascade may have come back here along another path.
  if (!find_row(table, guid)) return;
  erase_row(table, guid);
  changes_.push_back({table.noun, guid});
}

void Writer::check_references(const Table& table, const Row& row) {
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const Column& column = table.columns[i];
    if (is_null(row[i]) && !column.nullable)
      throw Error(Code::internal, fmt::format("{} without its {}", table.title, column.name));
    if (!column.references || is_null(row[i])) continue;
    const Table& other = store::table(*column.references);
    const std::string& guid = std::get<std::string>(row[i]);
    if (other.noun == table.noun && guid == guid_of(row)) continue;
    if (!find_row(other, guid))
      throw Error(Code::unprocessable, fmt::format("{} '{}' does not exist (named by the {}'s {})",
                                                   other.title, guid, table.title, column.name));
  }
}

void Writer::check_unique(const Table& table, const Row& row, const std::string& except_guid) {
  for (const Unique& unique : table.uniques) {
    Selection same;
    for (std::size_t column : unique.columns)
      same.conditions.push_back(equals(column, row[column]));
    for (const Row& other : list_rows(table, same))
      if (guid_of(other) != except_guid)
        throw Error(Code::unprocessable, expand(table, row, unique.message));
  }
}

void Writer::release_referrers(const Table& table, const std::string& guid) {
  for (const Table& other : tables()) {
    for (std::size_t i = 0; i < other.columns.size(); ++i) {
      const Column& column = other.columns[i];
      if (column.references != table.noun) continue;
      for (Row& row : list_rows(other, referring(i, guid))) {
        if (column.on_erase == OnErase::restrict_)
          throw Error(Code::conflict,
                      fmt::format("{} {} cannot be deleted: the {} {} still belongs to it",
                                  table.title, guid, other.title, guid_of(row)));
        if (other.noun == table.noun && guid_of(row) == guid) continue;
        if (column.on_erase == OnErase::cascade) {
          if (find_row(other, guid_of(row))) checked_erase(other, guid_of(row));
        } else {
          row[i] = Cell();
          checked_update(other, row);
        }
      }
    }
  }
}

std::string Writer::expand(const Table& table, const Row& row, std::string_view message) {
  std::string out;
  while (!message.empty()) {
    const auto open = message.find('{');
    out += message.substr(0, open);
    if (open == std::string_view::npos) break;
    const auto close = message.find('}', open);
    NURI_ASSERT(close != std::string_view::npos);
    std::string_view name = message.substr(open + 1, close - open - 1);
    message.remove_prefix(close + 1);
    const auto dot = name.find('.');
    const std::size_t column = table.column(name.substr(0, dot));
    if (dot == std::string_view::npos) {
      out += shown(row[column]);
      continue;
    }
    const Table& other = store::table(table.columns[column].references.value());
    if (auto found = find_row(other, shown(row[column])))
      out += shown((*found)[other.column(name.substr(dot + 1))]);
  }
  return out;
}

Changes Writer::take_changes() {
  std::ranges::sort(changes_);
  const auto repeated = std::ranges::unique(changes_);
  changes_.erase(repeated.begin(), repeated.end());
  return std::move(changes_);
}

}  // namespace nuri::store
