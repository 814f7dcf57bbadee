#include "api/cf/listing.h"

#include <fmt/format.h>

#include <charconv>

#include "base/encoding.h"

namespace nuri::api {
namespace {

std::int64_t number(const http::Request& request, std::string_view name, std::string_view title,
                    std::int64_t otherwise) {
  const auto text = request.parameter(name);
  if (!text) return otherwise;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size())
    throw Error(
        Code::bad_request,
        fmt::format("The query parameter is invalid: {} must be a positive integer", title));
  return value;
}

// The query string without its page number.
std::string rest_of_query(std::string_view query) {
  std::string out;
  while (!query.empty()) {
    const auto end = query.find('&');
    const std::string_view part = query.substr(0, end);
    if (!part.starts_with("page=") && !part.starts_with("per_page=") && !part.empty()) {
      out += '&';
      out += part;
    }
    query = end == query.npos ? std::string_view() : query.substr(end + 1);
  }
  return out;
}

}  // namespace

std::optional<std::vector<std::string>> filter(const http::Request& request,
                                               std::string_view name) {
  const auto text = request.parameter(name);
  if (!text) return std::nullopt;
  std::vector<std::string> out;
  std::string_view rest = *text;
  for (;;) {
    const auto comma = rest.find(',');
    const std::string_view one = rest.substr(0, comma);
    out.push_back(percent_decode(one).value_or(std::string(one)));
    if (comma == rest.npos) return out;
    rest.remove_prefix(comma + 1);
  }
}

PageRequest page_request(const http::Request& request) {
  PageRequest out;
  out.page = number(request, "page", "Page", 1);
  out.per_page = number(request, "per_page", "Per page", 50);
  out.order_by = request.parameter("order_by").value_or("");
  return out;
}

bool is_order(std::string_view order_by) {
  if (order_by.starts_with('+') || order_by.starts_with('-')) order_by.remove_prefix(1);
  return order_by == "name" || order_by == "created_at" || order_by == "updated_at";
}

json::object list_json(const Call& call, const PageRequest& wanted, std::int64_t total,
                       json::array resources) {
  const std::int64_t pages =
      std::max<std::int64_t>(1, (total + wanted.per_page - 1) / wanted.per_page);
  const auto page = [&](std::int64_t n) -> json::value {
    if (n < 1 || n > pages) return nullptr;
    return call.href(fmt::format("{}?page={}&per_page={}{}", call.request.path, n, wanted.per_page,
                                 rest_of_query(call.request.query)));
  };
  return {{"pagination", json::object{{"total_results", total},
                                      {"total_pages", pages},
                                      {"first", page(1)},
                                      {"last", page(pages)},
                                      {"next", page(wanted.page + 1)},
                                      {"previous", page(wanted.page - 1)}}},
          {"resources", std::move(resources)}};
}

}  // namespace nuri::api
