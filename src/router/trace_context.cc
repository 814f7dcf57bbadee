#include "router/trace_context.h"

#include <algorithm>

#include "http/message.h"

namespace nuri::router {
namespace {

constexpr std::string_view kName = "traceparent";
constexpr std::size_t kVersion00Bytes = 55;
constexpr std::size_t kTraceAt = 3, kTraceDigits = 32, kParentAt = 36, kParentDigits = 16;
constexpr std::size_t kFlagsAt = 53;

bool is_lower_hex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool all_zero(std::string_view text) { return text.find_first_not_of('0') == text.npos; }

// A later version may have more fields behind those of version 00.
bool is_valid(std::string_view value) {
  if (value.size() < kVersion00Bytes) return false;
  const std::string_view version = value.substr(0, 2);
  const std::string_view trace = value.substr(kTraceAt, kTraceDigits);
  const std::string_view parent = value.substr(kParentAt, kParentDigits);
  if (value[2] != '-' || value[kParentAt - 1] != '-' || value[kFlagsAt - 1] != '-') return false;
  if (!is_lower_hex(version) || version == "ff") return false;
  if (version == "00" && value.size() != kVersion00Bytes) return false;
  if (value.size() > kVersion00Bytes && value[kVersion00Bytes] != '-') return false;
  return is_lower_hex(trace) && !all_zero(trace) && is_lower_hex(parent) && !all_zero(parent) &&
         is_lower_hex(value.substr(kFlagsAt, 2));
}

}  // namespace

TraceContext trace_context(const http::HeadView& head, std::string_view request_id) {
  const std::string_view span = request_id.substr(0, kParentDigits);
  const auto count = std::ranges::count_if(head.headers, [](const http::HeaderView& header) {
    return http::same_name(header.name, kName);
  });
  const std::string_view given = head.find(kName).value_or("");
  const bool continued = count == 1 && is_valid(given);
  TraceContext out{.text = {}, .continued = continued};
  out.text.fill('0');
  static_assert(std::tuple_size_v<decltype(out.text)> == kVersion00Bytes);
  const auto put = [&out](std::size_t at, std::string_view text) {
    text.copy(out.text.data() + at, text.size());
  };
  put(0, "00-");
  put(kTraceAt,
      continued ? given.substr(kTraceAt, kTraceDigits) : request_id.substr(0, kTraceDigits));
  put(kParentAt - 1, "-");
  put(kParentAt, span);
  put(kFlagsAt - 1, continued ? given.substr(kFlagsAt - 1, 3) : "-01");
  return out;
}

}  // namespace nuri::router
