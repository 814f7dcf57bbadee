#include "base/json.h"

#include <fmt/format.h>

namespace nuri::json {
namespace {

[[noreturn]] void wrong_type(std::string_view key, std::string_view wanted) {
  throw Error(Code::unprocessable, fmt::format("'{}' must be {}", key, wanted));
}

const value* find(const object& o, std::string_view key) {
  const auto it = o.find(key);
  return it == o.end() || it->value().is_null() ? nullptr : &it->value();
}

const value& need(const object& o, std::string_view key) {
  const value* v = find(o, key);
  if (!v) throw Error(Code::unprocessable, fmt::format("'{}' is missing", key));
  return *v;
}

std::int64_t as_int(const value& v, std::string_view key) {
  if (v.is_int64()) return v.get_int64();
  if (v.is_uint64() && v.get_uint64() <= INT64_MAX)
    return static_cast<std::int64_t>(v.get_uint64());
  wrong_type(key, "an integer");
}

}  // namespace

value parse(std::string_view text, std::size_t limit_bytes) {
  if (text.size() > limit_bytes)
    throw Error(Code::too_large,
                fmt::format("JSON of {} bytes; the limit is {}", text.size(), limit_bytes));
  boost::json::parse_options options;
  options.max_depth = limits::kJsonDepth;
  boost::json::stream_parser parser({}, options);
  boost::system::error_code ec;
  const std::size_t used = parser.write_some(text.data(), text.size(), ec);
  if (!ec) parser.finish(ec);
  if (!ec && used == text.size()) return parser.release();
  throw Error(Code::bad_request, fmt::format("not valid JSON at byte {}: {}", used,
                                             ec ? ec.message() : "more text follows the value"));
}

object parse_object(std::string_view text, std::size_t limit_bytes) {
  value v = parse(text, limit_bytes);
  if (!v.is_object()) throw Error(Code::bad_request, "expected a JSON object");
  return std::move(v.get_object());
}

std::string require_string(const object& o, std::string_view key) {
  const value& v = need(o, key);
  if (!v.is_string()) wrong_type(key, "a string");
  return std::string(v.get_string());
}

std::int64_t require_int(const object& o, std::string_view key) {
  return as_int(need(o, key), key);
}

const object& require_object(const object& o, std::string_view key) {
  const value& v = need(o, key);
  if (!v.is_object()) wrong_type(key, "an object");
  return v.get_object();
}

const array& require_array(const object& o, std::string_view key) {
  const value& v = need(o, key);
  if (!v.is_array()) wrong_type(key, "an array");
  return v.get_array();
}

std::string get_string(const object& o, std::string_view key, std::string_view otherwise) {
  return find(o, key) ? require_string(o, key) : std::string(otherwise);
}

std::int64_t get_int(const object& o, std::string_view key, std::int64_t otherwise) {
  return find(o, key) ? require_int(o, key) : otherwise;
}

bool get_bool(const object& o, std::string_view key, bool otherwise) {
  const value* v = find(o, key);
  if (!v) return otherwise;
  if (!v->is_bool()) wrong_type(key, "true or false");
  return v->get_bool();
}

const object* find_object(const object& o, std::string_view key) {
  return find(o, key) ? &require_object(o, key) : nullptr;
}

const array* find_array(const object& o, std::string_view key) {
  return find(o, key) ? &require_array(o, key) : nullptr;
}

}  // namespace nuri::json
