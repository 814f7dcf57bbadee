#include "router/table.h"

#include <utility>

namespace nuri::router {
namespace {

template <class Key, class Value>
void compare(const std::map<Key, Value>& from, const std::map<Key, Value>& to,
             std::vector<Value>& put, std::vector<Key>& remove) {
  for (const auto& [key, value] : to) {
    const auto it = from.find(key);
    if (it == from.end() || !(it->second == value)) put.push_back(value);
  }
  for (const auto& [key, value] : from)
    if (!to.contains(key)) remove.push_back(key);
}

template <class Map, class Value, class Key>
void note_in(Map& words, std::vector<Value>& put, const std::vector<Key>& remove) {
  for (const auto& key : remove) words[key] = std::nullopt;
  for (auto& value : put) {
    Key key = key_of(value);
    words[std::move(key)] = std::move(value);
  }
}

template <class Map, class Value, class Key>
void take_from(Map words, std::vector<Value>& put, std::vector<Key>& remove) {
  for (auto& [key, value] : words) {
    if (value)
      put.push_back(std::move(*value));
    else
      remove.push_back(key);
  }
}

template <class Map, class Value, class Key>
void apply_to(Map& map, const std::vector<Value>& put, const std::vector<Key>& remove) {
  for (const auto& key : remove) map.erase(key);
  for (const auto& value : put) map[key_of(value)] = value;
}

template <class Map, class Value>
void name_all(Map& map, std::vector<Value> values) {
  for (auto& value : values) {
    auto& place = map[key_of(value)];
    place = std::move(value);
  }
}

}  // namespace

Table table_of(model::RouteTable told) {
  Table table;
  name_all(table.routes, std::move(told.routes));
  name_all(table.certificates, std::move(told.certificates));
  name_all(table.challenges, std::move(told.challenges));
  return table;
}

TableChange whole_of(const Table& table) { return difference({}, table); }

TableChange difference(const Table& from, const Table& to) {
  TableChange change;
  compare(from.routes, to.routes, change.put, change.remove);
  compare(from.certificates, to.certificates, change.put_certificates, change.remove_certificates);
  compare(from.challenges, to.challenges, change.put_challenges, change.remove_challenges);
  return change;
}

void apply_change(Table& table, const TableChange& change) {
  apply_to(table.routes, change.put, change.remove);
  apply_to(table.certificates, change.put_certificates, change.remove_certificates);
  apply_to(table.challenges, change.put_challenges, change.remove_challenges);
}

void TableWords::note(TableChange change) {
  note_in(routes_, change.put, change.remove);
  note_in(certificates_, change.put_certificates, change.remove_certificates);
  note_in(challenges_, change.put_challenges, change.remove_challenges);
}

TableChange TableWords::take() {
  TableChange change;
  take_from(std::exchange(routes_, {}), change.put, change.remove);
  take_from(std::exchange(certificates_, {}), change.put_certificates, change.remove_certificates);
  take_from(std::exchange(challenges_, {}), change.put_challenges, change.remove_challenges);
  return change;
}

}  // namespace nuri::router
