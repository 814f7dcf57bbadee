#include "model/json.h"

#include <fmt/format.h>

namespace nuri::model::detail {

void wrong_json(std::string_view wanted, const json::value& found) {
  std::string text = json::serialize(found);
  if (text.size() > 80) text = text.substr(0, 80) + "…";
  throw Error(Code::data_loss, fmt::format("expected {}, found {}", wanted, text));
}

std::string json_text(const json::value& value) {
  if (!value.is_string()) wrong_json("a text", value);
  return std::string(value.as_string());
}

std::int64_t json_int(const json::value& value, std::int64_t low, std::int64_t high) {
  boost::json::error_code failed;
  auto number = value.to_number<std::int64_t>(failed);
  if (failed || value.is_double() || number < low || number > high)
    wrong_json(fmt::format("a whole number from {} to {}", low, high), value);
  return number;
}

bool json_bool(const json::value& value) {
  if (!value.is_bool()) wrong_json("true or false", value);
  return value.as_bool();
}

const json::array& json_array(const json::value& value) {
  if (!value.is_array()) wrong_json("a list", value);
  return value.as_array();
}

const json::object& json_object(const json::value& value) {
  if (!value.is_object()) wrong_json("an object", value);
  return value.as_object();
}

void rethrow_within(std::string_view name, const Error& error) { throw error.within(name); }

}  // namespace nuri::model::detail
