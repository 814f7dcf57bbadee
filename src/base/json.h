#pragma once

// JSON from outside, with limits: Boost.JSON parses, these read fields and say which one was wrong.

#include <boost/json.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/limits.h"

namespace nuri::json {

using boost::json::array;
using boost::json::object;
using boost::json::serialize;
using boost::json::value;

// Throws Error{bad_request} naming the position, or too_large over `limit_bytes`.
value parse(std::string_view text, std::size_t limit_bytes = limits::kJsonBytes);
// parse, and the top must be an object.
object parse_object(std::string_view text, std::size_t limit_bytes = limits::kJsonBytes);

// Fields of `o`; `require_…` throws Error{unprocessable} that names the key when it is missing or
// of another type; `get_…` returns the default when missing or null, and throws on another type.
std::string require_string(const object& o, std::string_view key);
std::int64_t require_int(const object& o, std::string_view key);
const object& require_object(const object& o, std::string_view key);
const array& require_array(const object& o, std::string_view key);
std::string get_string(const object& o, std::string_view key, std::string_view otherwise = {});
std::int64_t get_int(const object& o, std::string_view key, std::int64_t otherwise = 0);
bool get_bool(const object& o, std::string_view key, bool otherwise = false);
// Null when missing or null.
const object* find_object(const object& o, std::string_view key);
const array* find_array(const object& o, std::string_view key);

}  // namespace nuri::json
