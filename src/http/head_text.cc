#include "http/head_text.h"

#include <fmt/format.h>

#include <array>
#include <ctime>

#include "base/log.h"
#include "http/head_rules.h"

namespace nuri::http {

void append_status_line(std::string& out, int status) {
  fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} {}\r\n", status, reason(status));
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  if (!is_token(name)) {
    log_error("a header with an invalid name was not sent", {{"name", name}});
    return;
  }
  out += name;
  out += ": ";
  const std::size_t begin = out.size();
  out += value;
  for (std::size_t i = begin; i < out.size(); ++i)
    if (!is_text_char(out[i])) out[i] = ' ';
  out += "\r\n";
}

bool is_connection_header(std::string_view name) {
  constexpr std::array<std::string_view, 8> kNames{
      "Connection", "Content-Length", "Transfer-Encoding", "Keep-Alive", "Upgrade",
      "TE",         "Trailer",        "Proxy-Connection"};
  for (const std::string_view one : kNames)
    if (same_name(name, one)) return true;
  return false;
}

void append_chunk(std::string& out, std::string_view data) {
  if (data.empty()) return;
  fmt::format_to(std::back_inserter(out), "{:x}\r\n", data.size());
  out.append(data).append("\r\n");
}

std::string http_date(WallTime time) {
  const std::time_t seconds = time.ns / 1'000'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT",
                     kDays[static_cast<std::size_t>(parts.tm_wday)], parts.tm_mday,
                     kMonths[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

}  // namespace nuri::http
