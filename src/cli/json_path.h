#pragma once

// What a server answered, read by JSON pointer (RFC 6901) and without complaint: what is missing or
// of another type is the default.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"

namespace nuri::cli {

// Null if there is nothing there.
const json::value* at(const json::value& value, std::string_view pointer);
std::string text_at(const json::value& value, std::string_view pointer,
                    std::string_view otherwise = {});
std::int64_t number_at(const json::value& value, std::string_view pointer,
                       std::int64_t otherwise = 0);
double real_at(const json::value& value, std::string_view pointer, double otherwise = 0);
// Empty if there is no array.
const json::array& array_at(const json::value& value, std::string_view pointer);
const json::object& object_at(const json::value& value, std::string_view pointer);

// Null for what is no JSON.
json::value parse_leniently(std::string_view text);

// A query string or form of these fields.
std::string http_form(std::vector<std::pair<std::string, std::string>> fields);

}  // namespace nuri::cli
