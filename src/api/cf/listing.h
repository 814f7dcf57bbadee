#pragma once

// Lists: filters, order and pages of a query string, and the page as JSON (CAPI v3, "Pagination").

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/cf/call.h"
#include "store/query.h"

namespace nuri::api {

// The values of a comma-joined filter; nullopt if it is not given. A comma inside a value arrives
// as %2C encoded twice. An empty filter is one empty value.
std::optional<std::vector<std::string>> filter(const http::Request& request, std::string_view name);
template <class G>
std::optional<std::vector<G>> guid_filter(const http::Request& request, std::string_view name) {
  auto texts = filter(request, name);
  if (!texts) return std::nullopt;
  std::vector<G> out;
  for (auto& text : *texts) out.emplace_back(std::move(text));
  return out;
}

struct PageRequest {
  std::int64_t page = 1;
  std::int64_t per_page = 50;
  std::string order_by;  // "created_at", "-updated_at"; empty: as made
};
// Throws Error{bad_request} in Cloud Foundry's words.
PageRequest page_request(const http::Request& request);

// "name", "created_at" or "updated_at", perhaps with a sign.
bool is_order(std::string_view order_by);

// Applies page and order to a query. Throws Error{bad_request}: by these columns only, and of nouns
// that have them.
template <class T>
void apply(store::Query<T>& query, const PageRequest& wanted) {
  query.page(wanted.page, wanted.per_page);
  if (wanted.order_by.empty()) return;
  if (!is_order(wanted.order_by) || !query.order_by_text(wanted.order_by))
    throw Error(Code::bad_request,
                "The query parameter is invalid: Order by can't be '" + wanted.order_by + "'");
}

// {"pagination":…, "resources":[…]}: `resources` are those of the page, `total` of all pages.
json::object list_json(const Call& call, const PageRequest& wanted, std::int64_t total,
                       json::array resources);

}  // namespace nuri::api
