#include "cli/domain_lookup.h"

#include <fmt/format.h>

#include "model/text.h"

namespace nuri::cli {

Task<json::value> find_domain(Api& api, std::string name) {
  const json::value found =
      co_await api.get(with_query("/v3/domains", {{"names", filter_value(model::lower(name))}}));
  const json::array& domains = array_at(found, "/resources");
  co_return domains.empty() ? json::value(nullptr) : domains[0];
}

Task<json::value> require_domain(Api& api, std::string name) {
  json::value found = co_await find_domain(api, name);
  if (!found.is_null()) co_return found;
  std::string all;
  for (const json::value& one : co_await api.list("/v3/domains"))
    all += (all.empty() ? "" : ", ") + text_at(one, "/name");
  throw Error(Code::not_found, fmt::format("Domain '{}' not found; there is {}", name, all));
}

}  // namespace nuri::cli
