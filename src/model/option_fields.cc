#include "model/option_fields.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>

#include "base/error.h"
#include "model/text.h"

namespace nuri::model {
namespace {

// The whole number at the front; what follows it stays in `text`. Nullopt: there is none.
std::optional<std::uint64_t> leading_number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

std::string shown(const json::value& value) { return printable(json::serialize(value)); }

}  // namespace

void refuse_option(std::string_view name, std::string_view why) {
  throw Error(Code::unprocessable, fmt::format("Options {}: {}", printable(name), why));
}

void OptionFields::refuse(std::string_view key, std::string_view why) const {
  refuse_option(name(key), why);
}

const json::value* OptionFields::find(std::string_view key) {
  asked_.emplace(key);
  const json::value* found = object_.if_contains(key);
  return found && !found->is_null() ? found : nullptr;
}

std::optional<std::string> OptionFields::text(std::string_view key) {
  const json::value* found = find(key);
  if (!found) return std::nullopt;
  if (!found->is_string()) refuse(key, fmt::format("must be a text, not {}", shown(*found)));
  return std::string(found->get_string());
}

std::optional<bool> OptionFields::truth(std::string_view key) {
  const json::value* found = find(key);
  if (!found) return std::nullopt;
  if (found->is_bool()) return found->get_bool();
  if (found->is_string() && found->get_string() == "true") return true;
  if (found->is_string() && found->get_string() == "false") return false;
  refuse(key, fmt::format("must be true or false, not {}", shown(*found)));
}

std::optional<std::int64_t> OptionFields::number(std::string_view key, std::int64_t low,
                                                 std::int64_t high) {
  const json::value* found = find(key);
  if (!found) return std::nullopt;
  std::optional<std::int64_t> out;
  if (found->is_string()) {
    std::string_view rest = found->get_string();
    const auto parsed = leading_number(rest);
    if (parsed && rest.empty() && *parsed <= INT64_MAX) out = static_cast<std::int64_t>(*parsed);
  } else if (!found->is_double()) {
    boost::json::error_code failed;
    const auto parsed = found->to_number<std::int64_t>(failed);
    if (!failed) out = parsed;
  }
  if (!out || *out < low || *out > high)
    refuse(key,
           fmt::format("must be a whole number from {} to {}, not {}", low, high, shown(*found)));
  return out;
}

std::optional<double> OptionFields::fraction(std::string_view key) {
  const json::value* found = find(key);
  if (!found) return std::nullopt;
  double out = 0;
  if (found->is_string()) {
    const std::string_view text = found->get_string();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error == std::errc() && end == text.data() + text.size()) return out;
  } else {
    boost::json::error_code failed;
    out = found->to_number<double>(failed);
    if (!failed) return out;
  }
  refuse(key, fmt::format("must be a number, not {}", shown(*found)));
}

std::optional<Duration> OptionFields::duration(std::string_view key, Duration most) {
  const json::value* found = find(key);
  if (!found) return std::nullopt;
  const std::string given =
      found->is_string() ? std::string(found->get_string()) : json::serialize(*found);
  std::string_view unit = given;
  const auto count = leading_number(unit);
  const std::optional<Duration> one = unit == "ms"                  ? std::optional<Duration>(1ms)
                                      : unit == "s" || unit.empty() ? std::optional<Duration>(1s)
                                      : unit == "m"                 ? std::optional<Duration>(1min)
                                      : unit == "h"                 ? std::optional<Duration>(1h)
                                                                    : std::nullopt;
  if (!count || !one || *count < 1 || *count > static_cast<std::uint64_t>(most / *one))
    refuse(key, fmt::format("must be a time of at least 1ms and at most {}, as in 500ms, 15s, 2m, "
                            "1h, not {}",
                            duration_text(most), shown(*found)));
  return *one * static_cast<std::int64_t>(*count);
}

std::optional<std::uint64_t> OptionFields::bytes(std::string_view key, std::uint64_t most) {
  const json::value* found = find(key);
  if (!found) return std::nullopt;
  const std::string given =
      found->is_string() ? std::string(found->get_string()) : json::serialize(*found);
  std::string_view unit = given;
  const auto count = leading_number(unit);
  if (unit.size() == 2 && lower(unit[1]) == 'b') unit.remove_suffix(1);
  const char letter = unit.size() == 1 ? lower(unit[0]) : unit.empty() ? 'b' : '?';
  const std::uint64_t one = letter == 'b'   ? 1
                            : letter == 'k' ? 1u << 10
                            : letter == 'm' ? 1u << 20
                            : letter == 'g' ? 1u << 30
                                            : 0;
  if (!count || one == 0 || *count > most / one)
    refuse(key, fmt::format("must be a number of bytes up to {}, as in 1048576, 512K, 10M, 1G, "
                            "not {}",
                            most, shown(*found)));
  return *count * one;
}

std::vector<std::string> OptionFields::texts(std::string_view key) {
  std::vector<std::string> out;
  const json::value* found = find(key);
  if (!found) return out;
  if (found->is_string()) {
    std::string_view rest = found->get_string();
    while (!rest.empty()) {
      const auto comma = std::min(rest.find(','), rest.size());
      std::string_view one = rest.substr(0, comma);
      rest.remove_prefix(std::min(comma + 1, rest.size()));
      while (!one.empty() && is_space(one.front())) one.remove_prefix(1);
      while (!one.empty() && is_space(one.back())) one.remove_suffix(1);
      if (!one.empty()) out.emplace_back(one);
    }
    return out;
  }
  if (!found->is_array()) refuse(key, fmt::format("must be a list, not {}", shown(*found)));
  for (const auto& one : found->get_array()) {
    if (!one.is_string())
      refuse(key, fmt::format("must be a list of texts; {} is none", shown(one)));
    out.emplace_back(one.get_string());
  }
  return out;
}

const json::object* OptionFields::object(std::string_view key) {
  const json::value* found = find(key);
  if (!found) return nullptr;
  if (!found->is_object()) refuse(key, fmt::format("must be an object, not {}", shown(*found)));
  return &found->get_object();
}

void OptionFields::done() const {
  for (const auto& [key, value] : object_)
    if (!asked_.contains(std::string_view(key)))
      refuse(key, fmt::format("there is no such option; known are {}", fmt::join(asked_, ", ")));
}

std::string duration_text(Duration duration) {
  const auto ms = duration / 1ms;
  if (ms % 3'600'000 == 0) return fmt::format("{}h", ms / 3'600'000);
  if (ms % 60'000 == 0) return fmt::format("{}m", ms / 60'000);
  if (ms % 1000 == 0) return fmt::format("{}s", ms / 1000);
  return fmt::format("{}ms", ms);
}

}  // namespace nuri::model
