#include "router/access_log.h"

#include <fmt/format.h>

namespace nuri::router {
namespace {

constexpr std::size_t kWriters = 256;

std::string_view or_dash(std::string_view text) { return text.empty() ? "-" : text; }

// What a client sent must not end the quotes or the line.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : or_dash(text))
    out += c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20 ? '_' : c;
  return out + "\"";
}

}  // namespace

std::string access_line(const Access& a, std::string_view app, WallTime wall) {
  std::string line = fmt::format(
      "{} - [{}] {} {} {} {} {} {} {} {} vcap_request_id:{} response_time:{:.6f} app_id:{} "
      "app_index:\"{}\"",
      or_dash(a.host), rfc3339(wall),
      quoted(fmt::format("{} {} {}", a.method, a.target, a.version)), a.status, a.received_bytes,
      a.sent_bytes, quoted(a.referer), quoted(a.user_agent), quoted(a.client), quoted(a.upstream),
      quoted(a.request_id), static_cast<double>(a.took.count()) / 1e9, quoted(app), a.index);
  if (!a.error.empty()) line += fmt::format(" x_nuri_error:{}", quoted(a.error));
  return line;
}

telemetry::LogSegmentWriter& AccessLog::writer_of(const std::string& app) {
  if (const auto it = by_app_.find(app); it != by_app_.end()) {
    writers_.splice(writers_.begin(), writers_, it->second);
    return *writers_.front().log;
  }
  if (writers_.size() >= kWriters) {
    by_app_.erase(writers_.back().app);
    writers_.pop_back();
  }
  const std::string name = fmt::format("router-{}", worker_);
  telemetry::LogSegmentIdentity identity{directory_ + "/" + app, name, "RTR",
                                         static_cast<std::uint32_t>(worker_), name};
  writers_.push_front({app, std::make_unique<telemetry::LogSegmentWriter>(std::move(identity))});
  by_app_[app] = writers_.begin();
  return *writers_.front().log;
}

void AccessLog::write(const std::string& app, const Access& access, WallTime wall, Time now) {
  if (directory_.empty() || app.empty()) return;
  writer_of(app).line(telemetry::LogSegmentStream::out, access_line(access, app, wall), wall, now);
}

void AccessLog::tick(WallTime wall, Time now) {
  for (auto& writer : writers_) writer.log->tick(wall, now);
}

}  // namespace nuri::router
