#include "cli/json_path.h"

#include "http/form.h"

namespace nuri::cli {

const json::value* at(const json::value& value, std::string_view pointer) {
  boost::system::error_code failure;
  return value.find_pointer({pointer.data(), pointer.size()}, failure);
}

std::string text_at(const json::value& value, std::string_view pointer,
                    std::string_view otherwise) {
  const json::value* found = at(value, pointer);
  return found && found->is_string() ? std::string(found->get_string()) : std::string(otherwise);
}

std::int64_t number_at(const json::value& value, std::string_view pointer, std::int64_t otherwise) {
  const json::value* found = at(value, pointer);
  if (!found || !found->is_number()) return otherwise;
  boost::system::error_code failure;
  const auto number = found->to_number<std::int64_t>(failure);
  return failure ? otherwise : number;
}

double real_at(const json::value& value, std::string_view pointer, double otherwise) {
  const json::value* found = at(value, pointer);
  return found && found->is_number() ? found->to_number<double>() : otherwise;
}

const json::array& array_at(const json::value& value, std::string_view pointer) {
  static const json::array none;
  const json::value* found = at(value, pointer);
  return found && found->is_array() ? found->get_array() : none;
}

const json::object& object_at(const json::value& value, std::string_view pointer) {
  static const json::object none;
  const json::value* found = at(value, pointer);
  return found && found->is_object() ? found->get_object() : none;
}

json::value parse_leniently(std::string_view text) {
  try {
    return json::parse(text);
  } catch (const Error&) {
    return nullptr;
  }
}

std::string http_form(std::vector<std::pair<std::string, std::string>> fields) {
  http::Form form;
  for (auto& [name, value] : fields) form.add(std::move(name), std::move(value));
  return form.str();
}

}  // namespace nuri::cli
