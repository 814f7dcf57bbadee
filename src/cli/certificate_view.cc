#include "cli/certificate_view.h"

#include <fmt/format.h>

namespace nuri::cli {
namespace {

constexpr std::size_t kNames = 3;

// In whole units of which there are at least two; "1 minute", "0 minutes" at the end.
std::string show_span(Duration span) {
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(span).count();
  if (minutes >= 2 * 24 * 60) return fmt::format("{} days", minutes / (24 * 60));
  if (minutes >= 2 * 60) return fmt::format("{} hours", minutes / 60);
  return fmt::format("{} minute{}", minutes, minutes == 1 ? "" : "s");
}

}  // namespace

std::string show_expiry(std::string_view rfc3339, WallTime now) {
  WallTime end;
  if (!parse_rfc3339(rfc3339, end)) return std::string(rfc3339);
  if (end < now) return fmt::format("expired {} ago", show_span(now - end));
  return "in " + show_span(end - now);
}

std::string show_names(const json::array& names) {
  std::string out;
  for (std::size_t i = 0; i < names.size() && i < kNames; ++i)
    if (names[i].is_string()) out += (out.empty() ? "" : ", ") + std::string(names[i].get_string());
  if (names.size() > kNames) out += fmt::format(" and {} more", names.size() - kNames);
  return out;
}

}  // namespace nuri::cli
