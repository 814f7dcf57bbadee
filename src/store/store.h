#pragma once

// The one interface to Nuri's state. Synchronous and transactional:
//
//   Changes changes = store.write([&](Writer& tx) {
//     App app = tx.get(guid);
//     app.state = AppState::started;
//     tx.update(app);
//   });
//
// Blocking: the server calls it on the BlockingPool, never on a loop thread. Any thread may call
// any member; writes run one at a time, a read sees one consistent snapshot. A body must not call
// the store again, keep the Reader or Writer, or block on anything else.
//
// Errors thrown by read and write:
//   not_found      get, change, update, erase of a guid that is not there: "App not found"
//   unprocessable  a unique constraint, in Cloud Foundry's wording; a reference to what does not
//   exist conflict       erase of what others still refer to (store/tables.cc says which
//   references) no_space       the disk is full: nothing was written, the store goes on and reads
//   work unavailable    the commit failed and may or may not have happened: read again before
//   acting data_loss      the database is damaged; the message says where the backup is
// An exception out of a body rolls everything back and goes on to the caller.

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/guid.h"
#include "model/noun.h"
#include "store/query.h"
#include "store/row.h"
#include "store/table.h"

namespace nuri::store {

// A row that a committed write inserted, updated or erased (also by cascade).
struct Change {
  Noun noun;
  std::string guid;
  friend auto operator<=>(const Change&, const Change&) = default;
};
using Changes = std::vector<Change>;  // sorted, each once

template <class T>
struct Page {
  std::vector<T> items;
  std::int64_t total = 0;  // of all pages
};

class Reader {
 public:
  Reader() = default;
  virtual ~Reader() = default;
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  template <class T>
  std::optional<T> find(const Guid<T>& guid) {
    auto row = find_row(table(model::kNoun<T>), guid.str());
    if (!row) return std::nullopt;
    return decode<T>(*row);
  }
  // Throws Error{not_found} "App not found".
  template <class T>
  T get(const Guid<T>& guid) {
    if (auto found = find(guid)) return std::move(*found);
    not_found(table(model::kNoun<T>));
  }
  // The page that `query` asks for (without page(): everything).
  template <class T>
  Page<T> list(const Query<T>& query) {
    return {all(query), count(query)};
  }
  // As list, without the total.
  template <class T>
  std::vector<T> all(const Query<T>& query) {
    std::vector<T> out;
    for (const Row& row : list_rows(table(model::kNoun<T>), query.selection()))
      out.push_back(decode<T>(row));
    return out;
  }
  // The first of the list.
  template <class T>
  std::optional<T> first(const Query<T>& query) {
    Selection one = query.selection();
    one.limit = 1;
    auto rows = list_rows(table(model::kNoun<T>), one);
    if (rows.empty()) return std::nullopt;
    return decode<T>(rows.front());
  }
  // How many match, whatever the page.
  template <class T>
  std::int64_t count(const Query<T>& query) {
    return count_rows(table(model::kNoun<T>), query.selection());
  }

 protected:
  virtual std::optional<Row> find_row(const Table& table, const std::string& guid) = 0;
  virtual std::vector<Row> list_rows(const Table& table, const Selection& selection) = 0;
  virtual std::int64_t count_rows(const Table& table, const Selection& selection) = 0;

  [[noreturn]] static void not_found(const Table& table);
  [[noreturn]] static void undecodable(const Table& table, const Row& row, const Error& error);

 private:
  template <class T>
  static T decode(const Row& row) {
    try {
      return decode_row<T>(row);
    } catch (const Error& error) {
      undecodable(table(model::kNoun<T>), row, error);
    }
  }
};

class Writer : public Reader {
 public:
  template <class T>
  void insert(const T& value) {
    checked_insert(table(model::kNoun<T>), encode_row(value));
  }
  // Replaces the whole row. Only with a value that this transaction read: between two transactions
  // another may have changed it.
  template <class T>
  void update(const T& value) {
    checked_update(table(model::kNoun<T>), encode_row(value));
  }
  // Reads, calls edit(value), updates; returns the new value.
  template <class T, class Edit>
  T change(const Guid<T>& guid, Edit&& edit) {
    T value = this->get(guid);
    std::forward<Edit>(edit)(value);
    update(value);
    return value;
  }
  template <class T>
  void erase(const Guid<T>& guid) {
    checked_erase(table(model::kNoun<T>), guid.str());
  }
  // Erases what matches; returns how many rows of T that were.
  template <class T>
  std::size_t erase_all(const Query<T>& query) {
    auto rows = list_rows(table(model::kNoun<T>), query.selection());
    for (const Row& row : rows)
      checked_erase(table(model::kNoun<T>), std::get<std::string>(row.front()));
    return rows.size();
  }

 protected:
  // The constraints are checked before these are called.
  virtual void insert_row(const Table& table, const Row& row) = 0;
  virtual void update_row(const Table& table, const Row& row) = 0;
  virtual void erase_row(const Table& table, const std::string& guid) = 0;

  // What was touched so far, sorted.
  Changes take_changes();

 private:
  void checked_insert(const Table& table, const Row& row);
  void checked_update(const Table& table, const Row& row);
  void checked_erase(const Table& table, const std::string& guid);
  void check_references(const Table& table, const Row& row);
  void check_unique(const Table& table, const Row& row, const std::string& except_guid);
  void release_referrers(const Table& table, const std::string& guid);
  std::string expand(const Table& table, const Row& row, std::string_view message);

  Changes changes_;
};

// What a power cut may take back of a committed write. A killed process takes back nothing.
enum class Durability {
  synced,   // nothing: it is on disk when write returns. What a user was told.
  ordered,  // what no synced write followed. What can be found out again.
};

class Store {
 public:
  Store() = default;
  virtual ~Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Returns what body returns.
  template <class Body>
  auto read(Body&& body) -> decltype(body(std::declval<Reader&>())) {
    using Result = decltype(body(std::declval<Reader&>()));
    if constexpr (std::is_void_v<Result>) {
      run_read([&](Reader& reader) { body(reader); });
    } else {
      std::optional<Result> result;
      run_read([&](Reader& reader) { result.emplace(body(reader)); });
      return std::move(*result);
    }
  }

  Changes write(const std::function<void(Writer&)>& body,
                Durability durability = Durability::synced) {
    return run_write(body, durability);
  }

 protected:
  virtual void run_read(const std::function<void(Reader&)>& body) = 0;
  virtual Changes run_write(const std::function<void(Writer&)>& body, Durability durability) = 0;
};

}  // namespace nuri::store
