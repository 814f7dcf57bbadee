#pragma once

// The fields of an object of options, read one by one: each read says which field is wrong, and
// done() names what nobody read. Scalars may be texts, as command lines send them.

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"

namespace nuri::model {

class OptionFields {
 public:
  // `object` outlives it. `within`: in front of its fields' names, "deadlines.".
  OptionFields(const json::object& object, std::string within)
      : object_(object), within_(std::move(within)) {}

  // Null when missing or null.
  const json::value* find(std::string_view key);
  // All throw Error{unprocessable}; nullopt when missing or null.
  std::optional<std::string> text(std::string_view key);
  std::optional<bool> truth(std::string_view key);
  std::optional<std::int64_t> number(std::string_view key, std::int64_t low, std::int64_t high);
  std::optional<double> fraction(std::string_view key);
  // "500ms", "15s", "2m", "1h", or seconds. At least 1 ms.
  std::optional<Duration> duration(std::string_view key, Duration most);
  // Bytes: 1048576, or "512K", "10M", "1G".
  std::optional<std::uint64_t> bytes(std::string_view key, std::uint64_t most);
  std::vector<std::string> texts(std::string_view key);  // empty when missing
  const json::object* object(std::string_view key);

  std::string name(std::string_view key) const { return within_ + std::string(key); }
  [[noreturn]] void refuse(std::string_view key, std::string_view why) const;
  // Throws if there is a field that was not asked for.
  void done() const;

 private:
  const json::object& object_;
  std::string within_;
  std::set<std::string, std::less<>> asked_;
};

// The shortest text that duration() takes back.
std::string duration_text(Duration duration);
// Throws Error{unprocessable} "Options NAME: WHY".
[[noreturn]] void refuse_option(std::string_view name, std::string_view why);

}  // namespace nuri::model
