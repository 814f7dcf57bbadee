#include "store/memory/memory_store.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "base/assert.h"

namespace nuri::store {

namespace {

using Sequence = std::int64_t;  // the order of insertion

struct TableData {
  std::map<Sequence, std::shared_ptr<const Row>> rows;
  std::unordered_map<std::string, Sequence> by_guid;

  Sequence next() const { return rows.empty() ? 1 : rows.rbegin()->first + 1; }
};

bool matches(const Condition& condition, const Row& row) {
  using Is = Condition::Is;
  const Cell& cell = row[condition.column];
  const auto among = [&] {
    return std::ranges::find(condition.values, cell) != condition.values.end();
  };
  switch (condition.is) {
    case Is::any_of:
      return !is_null(cell) && among();
    case Is::none_of:
      return is_null(cell) || !among();
    case Is::null:
      return is_null(cell);
    case Is::not_null:
      return !is_null(cell);
    case Is::less:
      return !is_null(cell) && cell < condition.values.front();
    case Is::at_most:
      return !is_null(cell) && cell <= condition.values.front();
    case Is::greater:
      return !is_null(cell) && cell > condition.values.front();
    case Is::at_least:
      return !is_null(cell) && cell >= condition.values.front();
  }
  return false;
}

bool matches(const Selection& selection, const Row& row) {
  return std::ranges::all_of(selection.conditions,
                             [&](const Condition& c) { return matches(c, row); });
}

}  // namespace

struct MemoryDisk::Data {
  std::array<TableData, model::kNouns> tables;

  TableData& of(const Table& table) { return tables[static_cast<std::size_t>(table.noun)]; }

  std::optional<Row> find(const Table& table, const std::string& guid) {
    TableData& data = of(table);
    const auto found = data.by_guid.find(guid);
    if (found == data.by_guid.end()) return std::nullopt;
    return *data.rows.at(found->second);
  }

  std::vector<Row> list(const Table& table, const Selection& selection) {
    std::vector<std::pair<Sequence, const Row*>> found;
    for (const auto& [sequence, row] : of(table).rows)
      if (matches(selection, *row)) found.emplace_back(sequence, row.get());
    if (selection.order_column)
      std::ranges::sort(found, {}, [&](const auto& entry) {
        return std::pair<const Cell&, Sequence>((*entry.second)[*selection.order_column],
                                                entry.first);
      });
    if (selection.order == Order::descending) std::ranges::reverse(found);
    std::vector<Row> out;
    const auto size = static_cast<std::int64_t>(found.size());
    const auto end =
        selection.limit < 0 ? size : std::min(size, selection.offset + selection.limit);
    for (auto i = selection.offset; i < end; ++i)
      out.push_back(*found[static_cast<std::size_t>(i)].second);
    return out;
  }

  std::int64_t count(const Table& table, const Selection& selection) {
    return std::ranges::count_if(
        of(table).rows, [&](const auto& entry) { return matches(selection, *entry.second); });
  }

  // Puts `row` (null: nothing) where `sequence` is.
  void set(const Table& table, Sequence sequence, std::shared_ptr<const Row> row) {
    TableData& data = of(table);
    if (const auto old = data.rows.find(sequence); old != data.rows.end()) {
      data.by_guid.erase(std::get<std::string>(old->second->front()));
      data.rows.erase(old);
    }
    if (!row) return;
    data.by_guid[std::get<std::string>(row->front())] = sequence;
    data.rows[sequence] = std::move(row);
  }
};

MemoryDisk::MemoryDisk() : data_(std::make_shared<Data>()) {}
MemoryDisk::~MemoryDisk() = default;
MemoryDisk::MemoryDisk(const MemoryDisk& other) : data_(std::make_shared<Data>(*other.data_)) {}
MemoryDisk& MemoryDisk::operator=(const MemoryDisk& other) {
  if (this != &other) data_ = std::make_shared<Data>(*other.data_);
  return *this;
}

// One class for both: a Writer whose writes a read never reaches.
class MemoryWriter final : public Writer {
 public:
  explicit MemoryWriter(MemoryDisk& disk) : data_(*disk.data_) {}

  using Writer::take_changes;

  void roll_back() {
    for (; !undo_.empty(); undo_.pop_back()) {
      Undo& last = undo_.back();
      data_.set(*last.table, last.sequence, std::move(last.row));
    }
  }

 protected:
  std::optional<Row> find_row(const Table& table, const std::string& guid) override {
    return data_.find(table, guid);
  }
  std::vector<Row> list_rows(const Table& table, const Selection& selection) override {
    return data_.list(table, selection);
  }
  std::int64_t count_rows(const Table& table, const Selection& selection) override {
    return data_.count(table, selection);
  }
  void insert_row(const Table& table, const Row& row) override {
    put(table, data_.of(table).next(), std::make_shared<const Row>(row));
  }
  void update_row(const Table& table, const Row& row) override {
    put(table, data_.of(table).by_guid.at(std::get<std::string>(row.front())),
        std::make_shared<const Row>(row));
  }
  void erase_row(const Table& table, const std::string& guid) override {
    put(table, data_.of(table).by_guid.at(guid), nullptr);
  }

 private:
  struct Undo {
    const Table* table;
    Sequence sequence;
    std::shared_ptr<const Row> row;
  };

  void put(const Table& table, Sequence sequence, std::shared_ptr<const Row> row) {
    const auto& rows = data_.of(table).rows;
    const auto old = rows.find(sequence);
    undo_.push_back({&table, sequence, old == rows.end() ? nullptr : old->second});
    data_.set(table, sequence, std::move(row));
  }

  MemoryDisk::Data& data_;
  std::vector<Undo> undo_;
};

void MemoryStore::fail_next(Fault fault) {
  std::lock_guard lock(mutex_);
  fault_ = fault;
}

MemoryDisk MemoryStore::snapshot() const {
  std::lock_guard lock(mutex_);
  return disk_;
}

void MemoryStore::run_read(const std::function<void(Reader&)>& body) {
  std::lock_guard lock(mutex_);
  if (fault_ == Fault::read) {
    fault_ = Fault::none;
    throw Error(Code::unavailable, "reading the store failed (injected)");
  }
  MemoryWriter reader(disk_);
  body(reader);
}

Changes MemoryStore::run_write(const std::function<void(Writer&)>& body, Durability) {
  std::lock_guard lock(mutex_);
  MemoryWriter writer(disk_);
  try {
    body(writer);
  } catch (...) {
    writer.roll_back();
    throw;
  }
  if (fault_ == Fault::before_commit) {
    fault_ = Fault::none;
    writer.roll_back();
    throw Error(Code::no_space, "writing the store failed: no space left (injected)");
  }
  if (fault_ == Fault::after_commit) {
    fault_ = Fault::none;
    throw Error(Code::unavailable, "it is not known whether the store was written (injected)");
  }
  return writer.take_changes();
}

}  // namespace nuri::store
