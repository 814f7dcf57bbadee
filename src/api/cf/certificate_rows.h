#pragma once

// What no store can ask certificates for: what is in their lists of names.

#include "model/certificate.h"
#include "store/store.h"

namespace nuri::api {

// Calls visit(row) for the rows of `query`, which has no page, some at a time: thousands with their
// chains are many megabytes. Stops where it returns true.
template <class Visit>
void visit_certificates(store::Reader& reader, store::Query<model::Certificate> query,
                        Visit visit) {
  constexpr std::int64_t kAtOnce = 500;
  for (std::int64_t page = 1;; ++page) {
    const auto rows = reader.all(query.page(page, kAtOnce));
    for (const model::Certificate& row : rows)
      if (visit(row)) return;
    if (static_cast<std::int64_t>(rows.size()) < kAtOnce) return;
  }
}

}  // namespace nuri::api
