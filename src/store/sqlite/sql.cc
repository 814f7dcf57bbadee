#include "store/sqlite/sql.h"

#include <fmt/format.h>

namespace nuri::store {
namespace {

// More values than this go as one JSON list, so that there are few distinct statements.
constexpr std::size_t kBoundValues = 4;

std::string quoted(std::string_view name) { return fmt::format("\"{}\"", name); }

std::string column_names(const Table& table) {
  std::string out;
  for (const Column& column : table.columns) {
    if (!out.empty()) out += ", ";
    out += quoted(column.name);
  }
  return out;
}

std::string create_table(const Table& t) {
  std::string out = fmt::format("CREATE TABLE {} (\n  \"seq\" INTEGER PRIMARY KEY", t.name);
  for (const Column& column : t.columns) {
    out += fmt::format(",\n  {} {}{}", quoted(column.name),
                       column.kind == CellKind::integer ? "INTEGER" : "TEXT",
                       column.nullable ? "" : " NOT NULL");
    if (&column == &t.columns.front()) out += " UNIQUE";
    if (column.references)
      out += fmt::format(" REFERENCES {} (\"guid\")", table(*column.references).name);
  }
  return out + "\n) STRICT";
}

std::string json_list(const std::vector<Cell>& values) {
  json::array out;
  for (const Cell& cell : values)
    if (const auto* number = std::get_if<std::int64_t>(&cell))
      out.push_back(*number);
    else if (const auto* text = std::get_if<std::string>(&cell))
      if (text->find('\0') == std::string::npos) out.push_back(json::value(*text));
  return json::serialize(out);
}

std::string among(const Condition& condition, std::vector<Cell>& values) {
  if (condition.values.size() > kBoundValues) {
    values.push_back(json_list(condition.values));
    return "(SELECT value FROM json_each(?))";
  }
  std::string marks;
  for (const Cell& cell : condition.values) {
    marks += marks.empty() ? "?" : ", ?";
    values.push_back(cell);
  }
  return fmt::format("({})", marks);
}

std::string where(const Table& table, const Condition& condition, std::vector<Cell>& values) {
  using Is = Condition::Is;
  const std::string name = quoted(table.columns[condition.column].name);
  const auto compare = [&](std::string_view sign) {
    values.push_back(condition.values.front());
    return fmt::format("{} {} ?", name, sign);
  };
  switch (condition.is) {
    case Is::any_of:
      return fmt::format("{} IN {}", name, among(condition, values));
    case Is::none_of:
      return fmt::format("({} IS NULL OR {} NOT IN {})", name, name, among(condition, values));
    case Is::null:
      return name + " IS NULL";
    case Is::not_null:
      return name + " IS NOT NULL";
    case Is::less:
      return compare("<");
    case Is::at_most:
      return compare("<=");
    case Is::greater:
      return compare(">");
    case Is::at_least:
      return compare(">=");
  }
  return "0";
}

std::string where(const Table& table, const Selection& selection, std::vector<Cell>& values) {
  std::string out;
  for (const Condition& condition : selection.conditions)
    out += (out.empty() ? " WHERE " : " AND ") + where(table, condition, values);
  return out;
}

}  // namespace

std::vector<std::string> create_statements() {
  std::vector<std::string> out;
  for (const Table& t : tables()) {
    out.push_back(create_table(t));
    for (const Unique& unique : t.uniques) {
      std::string columns, name = fmt::format("{}_unique", t.name);
      for (std::size_t i : unique.columns) {
        const Column& column = t.columns[i];
        // Two rows without a value are equal to Nuri, though not to SQL.
        columns += columns.empty() ? "" : ", ";
        columns += column.nullable ? fmt::format("coalesce({}, '')", quoted(column.name))
                                   : quoted(column.name);
      }
      out.push_back(fmt::format("CREATE UNIQUE INDEX {} ON {} ({})", name, t.name, columns));
    }
    for (const Column& column : t.columns)
      if (column.indexed || column.references)
        out.push_back(fmt::format("CREATE INDEX {}_{} ON {} ({})", t.name, column.name, t.name,
                                  quoted(column.name)));
  }
  return out;
}

Sql select_rows(const Table& table, const Selection& selection) {
  Sql out;
  out.text = fmt::format("SELECT {} FROM {}", column_names(table), table.name);
  out.text += where(table, selection, out.values);
  const char* direction = selection.order == Order::descending ? " DESC" : "";
  out.text += " ORDER BY ";
  if (selection.order_column)
    out.text += quoted(table.columns[*selection.order_column].name) + direction + ", ";
  out.text += fmt::format("\"seq\"{}", direction);
  if (selection.limit >= 0 || selection.offset > 0) {
    out.text += " LIMIT ? OFFSET ?";
    out.values.push_back(selection.limit);
    out.values.push_back(selection.offset);
  }
  return out;
}

Sql count_rows(const Table& table, const Selection& selection) {
  Sql out;
  out.text = fmt::format("SELECT count(*) FROM {}", table.name);
  out.text += where(table, selection, out.values);
  return out;
}

std::string select_one(const Table& table) {
  return fmt::format("SELECT {} FROM {} WHERE \"guid\" = ?", column_names(table), table.name);
}

std::string insert_one(const Table& table) {
  std::string marks;
  for (std::size_t i = 0; i < table.columns.size(); ++i) marks += i == 0 ? "?" : ", ?";
  return fmt::format("INSERT INTO {} ({}) VALUES ({})", table.name, column_names(table), marks);
}

std::string update_one(const Table& table) {
  std::string sets;
  for (const Column& column : table.columns) {
    if (!sets.empty()) sets += ", ";
    sets += quoted(column.name) + " = ?";
  }
  return fmt::format("UPDATE {} SET {} WHERE \"guid\" = ?", table.name, sets);
}

std::string erase_one(const Table& table) {
  return fmt::format("DELETE FROM {} WHERE \"guid\" = ?", table.name);
}

}  // namespace nuri::store
