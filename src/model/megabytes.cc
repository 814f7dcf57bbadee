#include <fmt/format.h>

#include <charconv>

#include "model/manifest.h"
#include "model/text.h"

namespace nuri::model {
namespace {

// The unit's power of 1024; nullopt when there is none such.
std::optional<int> power_of(std::string_view unit) {
  if (unit.size() == 2 && lower(unit[1]) == 'b') unit.remove_suffix(1);
  if (unit.size() != 1) return std::nullopt;
  constexpr std::string_view kUnits = "bkmgt";
  const auto power = kUnits.find(lower(unit[0]));
  if (power == std::string_view::npos) return std::nullopt;
  return static_cast<int>(power);
}

}  // namespace

std::optional<int> parse_megabytes(std::string_view text) {
  const auto end_of_number = text.find_first_not_of("0123456789.");
  if (end_of_number == std::string_view::npos || end_of_number == 0) return std::nullopt;
  const std::string_view number = text.substr(0, end_of_number);
  std::string_view unit = text.substr(end_of_number);
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  const auto power = power_of(unit);
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (!power || error != std::errc() || end != number.data() + number.size()) return std::nullopt;
  for (int i = 2; i < *power; ++i) value *= 1024;
  for (int i = *power; i < 2; ++i) value /= 1024;
  if (value < 1 || value > INT32_MAX || value != static_cast<double>(static_cast<int>(value)))
    return std::nullopt;
  return static_cast<int>(value);
}

std::string format_megabytes(int mb) {
  if (mb >= 1024 * 1024 && mb % (1024 * 1024) == 0) return fmt::format("{}T", mb / (1024 * 1024));
  if (mb >= 1024 && mb % 1024 == 0) return fmt::format("{}G", mb / 1024);
  return fmt::format("{}M", mb);
}

}  // namespace nuri::model
