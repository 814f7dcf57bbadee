#pragma once

// TOML as the buildpack specification uses it, turned into JSON values at the edge so that the rest
// of the lifecycle knows one kind of document. Dates become strings; TOML has no null.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"

namespace nuri::lifecycle {

// Throws Error{unprocessable} naming `name` and the line, or too_large over limits::kTomlBytes.
json::object parse_toml(std::string_view text, std::string_view name);

// Nullopt when there is no such file; otherwise as parse_toml.
std::optional<json::object> read_toml(const std::filesystem::path& path);

// Tables directly under the top become [sections] and arrays of tables [[sections]], one key a
// line, so that a shell script can read them; anything deeper is inline. Null members are left out.
std::string write_toml(const json::object& document);

// `value` as a table; Error{unprocessable} saying that `what` must be one.
const json::object& require_table(const json::value& value, std::string_view what);

}  // namespace nuri::lifecycle
