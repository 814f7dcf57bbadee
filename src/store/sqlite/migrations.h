#pragma once

// The schema's history. A released entry is never changed; a change of the schema is a new entry,
// and the database moves forward by itself after a verified backup (docs/formats/schema.md).

#include <span>
#include <string>
#include <string_view>

#include "store/sqlite/connection.h"

namespace nuri::store {

// "nuri" in ASCII: PRAGMA application_id of every database of Nuri.
inline constexpr std::int64_t kApplicationId = 0x6e757269;

struct Migration {
  int version;           // PRAGMA user_version after it
  std::string_view sql;  // statements, run in one transaction
};
std::span<const Migration> migrations();

// Brings the database up to the last of `list`. An empty file gets everything; an older database is
// first copied to PATH.backup-VERSION, synced and checked. Throws Error: unprocessable for a file
// that is not Nuri's or has a newer schema, no_space, data_loss.
void migrate(Connection& db, std::span<const Migration> list);

// A consistent copy of the database (SQLite's backup API), written beside `to` and renamed, synced,
// and checked with integrity_check.
void back_up(Connection& db, const std::string& to);

}  // namespace nuri::store
