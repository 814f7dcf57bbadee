#include "build/lifecycle/toml_file.h"

#include <fmt/format.h>

#include <sstream>

#include "build/lifecycle/tree.h"

#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

namespace nuri::lifecycle {
namespace {

json::value to_json(const toml::node& node);

json::object table_to_json(const toml::table& table) {
  json::object out;
  for (const auto& [key, value] : table) out[std::string(key.str())] = to_json(value);
  return out;
}

json::value to_json(const toml::node& node) {
  if (const auto* table = node.as_table()) return table_to_json(*table);
  if (const auto* list = node.as_array()) {
    json::array out;
    for (const auto& item : *list) out.push_back(to_json(item));
    return out;
  }
  if (const auto* text = node.as_string()) return json::value(text->get());
  if (const auto* number = node.as_integer()) return json::value(number->get());
  if (const auto* real = node.as_floating_point()) return json::value(real->get());
  if (const auto* flag = node.as_boolean()) return json::value(flag->get());
  std::ostringstream text;
  if (const auto* date = node.as_date()) text << *date;
  if (const auto* time = node.as_time()) text << *time;
  if (const auto* both = node.as_date_time()) text << *both;
  return json::value(text.str());
}

bool is_bare_key(std::string_view key) {
  if (key.empty()) return false;
  for (const char c : key) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '-') return false;
  }
  return true;
}

// JSON's string escapes are also TOML's, but TOML wants DEL escaped.
std::string quoted(std::string_view text) {
  std::string out;
  for (const char c : json::serialize(json::value(text))) {
    if (c == 0x7f)
      out += "\\u007f";
    else
      out += c;
  }
  return out;
}

std::string key_text(std::string_view key) {
  return is_bare_key(key) ? std::string(key) : quoted(key);
}

std::string inline_text(const json::value& value) {
  if (value.is_string()) return quoted(value.get_string());
  if (value.is_double()) return fmt::format("{:#}", value.get_double());
  if (value.is_array()) {
    std::string out = "[";
    for (const auto& item : value.get_array()) {
      if (item.is_null()) continue;
      if (out.size() > 1) out += ", ";
      out += inline_text(item);
    }
    return out + "]";
  }
  if (value.is_object()) {
    std::string out = "{";
    for (const auto& member : value.get_object()) {
      if (member.value().is_null()) continue;
      if (out.size() > 1) out += ", ";
      out += fmt::format("{} = {}", key_text(member.key()), inline_text(member.value()));
    }
    return out + "}";
  }
  return json::serialize(value);
}

bool is_table_list(const json::value& value) {
  if (!value.is_array() || value.get_array().empty()) return false;
  for (const auto& item : value.get_array())
    if (!item.is_object()) return false;
  return true;
}

void write_keys(std::string& out, const json::object& table) {
  for (const auto& member : table)
    if (!member.value().is_null())
      out += fmt::format("{} = {}\n", key_text(member.key()), inline_text(member.value()));
}

}  // namespace

json::object parse_toml(std::string_view text, std::string_view name) {
  if (text.size() > limits::kTomlBytes)
    throw Error(Code::too_large, fmt::format("{} has {} bytes; the limit is {}", name, text.size(),
                                             limits::kTomlBytes));
  try {
    return table_to_json(toml::parse(text, name));
  } catch (const toml::parse_error& e) {
    throw Error(Code::unprocessable,
                fmt::format("{}, line {}: {}", name, e.source().begin.line, e.description()));
  }
}

std::optional<json::object> read_toml(const std::filesystem::path& path) {
  const auto text = read_file(path, limits::kTomlBytes);
  if (!text) return std::nullopt;
  return parse_toml(*text, path.string());
}

std::string write_toml(const json::object& document) {
  std::string out;
  json::object plain;
  for (const auto& member : document)
    if (!member.value().is_object() && !is_table_list(member.value()))
      plain[member.key()] = member.value();
  write_keys(out, plain);
  for (const auto& member : document) {
    if (member.value().is_object()) {
      out += fmt::format("\n[{}]\n", key_text(member.key()));
      write_keys(out, member.value().get_object());
    } else if (is_table_list(member.value())) {
      for (const auto& item : member.value().get_array()) {
        out += fmt::format("\n[[{}]]\n", key_text(member.key()));
        write_keys(out, item.get_object());
      }
    }
  }
  return out;
}

const json::object& require_table(const json::value& value, std::string_view what) {
  if (!value.is_object()) throw Error(Code::unprocessable, fmt::format("{} must be a table", what));
  return value.get_object();
}

}  // namespace nuri::lifecycle
