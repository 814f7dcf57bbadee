#pragma once

// All that a router serves, by name, and what changes do to it. Pure.

#include <map>
#include <optional>
#include <string>

#include "router/table_change.h"

namespace nuri::router {

struct Table {
  std::map<RouteKey, model::RouteEntry> routes;
  std::map<std::string, model::TableCertificate> certificates;  // by id
  std::map<std::string, model::TableChallenge> challenges;      // by token
  bool empty() const { return routes.empty() && certificates.empty() && challenges.empty(); }
  friend bool operator==(const Table&, const Table&) = default;
};

// Of two of one name the last counts.
Table table_of(model::RouteTable told);
// The change that makes `table` of an empty one.
TableChange whole_of(const Table& table);
// What turns `from` into `to`.
TableChange difference(const Table& from, const Table& to);
void apply_change(Table& table, const TableChange& change);

// Changes put together: the last word on each name counts.
class TableWords {
 public:
  void note(TableChange change);
  void clear() { *this = {}; }
  // All of them as one change; there are none left then.
  TableChange take();

 private:
  template <class Key, class Value>
  using Words = std::map<Key, std::optional<Value>>;  // nothing: it goes
  Words<RouteKey, model::RouteEntry> routes_;
  Words<std::string, model::TableCertificate> certificates_;
  Words<std::string, model::TableChallenge> challenges_;
};

}  // namespace nuri::router
