#include "router/access_log.h"

#include <fmt/format.h>

namespace nuri::router {
namespace {

constexpr std::size_t kWriters = 256;

// What a client sent must not end the quotes or the line.
void append_text(std::string& out, std::string_view text) {
  for (char c : text)
    out += c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '_' : c;
}

void append_quoted(std::string& out, std::string_view text) {
  out += " \"";
  append_text(out, text.empty() ? "-" : text);
  out += '"';
}

double seconds(Duration duration) { return static_cast<double>(duration.count()) / 1e9; }

}  // namespace

std::string access_line(const Access& a, std::string_view app) {
  std::string line;
  line.reserve(512);
  append_text(line, a.host.empty() ? "-" : a.host);
  line += " - [";
  line += rfc3339(a.began);
  line += "] \"";
  append_text(line, a.method);
  line += ' ';
  append_text(line, a.target);
  line += ' ';
  line += a.version;
  line += '"';
  const auto end = std::back_inserter(line);
  fmt::format_to(end, " {} {} {}", a.status, a.received_bytes, a.sent_bytes);
  append_quoted(line, a.referer);
  append_quoted(line, a.user_agent);
  append_quoted(line, a.client);
  append_quoted(line, a.backend);
  line += " x_forwarded_for:";
  line.append("\"").append(a.client).append("\" x_forwarded_proto:\"");
  line.append(a.proto).append("\"");
  fmt::format_to(end,
                 " vcap_request_id:\"{}\" response_time:{:.6f} gorouter_time:{:.6f} "
                 "app_id:\"{}\" app_index:\"{}\" instance_id:\"{}\" x_nuri_error:\"{}\"",
                 a.request_id, seconds(a.took), seconds(a.router_took), app, a.index,
                 a.instance.empty() ? "-" : a.instance, a.error.empty() ? "-" : a.error);
  return line;
}

telemetry::LogSegmentWriter& AccessLog::writer_of(std::string_view app) {
  if (const auto it = by_app_.find(app); it != by_app_.end()) {
    writers_.splice(writers_.begin(), writers_, it->second);
    return *writers_.front().log;
  }
  if (writers_.size() >= kWriters) {
    by_app_.erase(writers_.back().app);
    writers_.pop_back();
  }
  const std::string name = fmt::format("router-{}", worker_);
  telemetry::LogSegmentIdentity identity{fmt::format("{}/{}", directory_, app), name, "RTR",
                                         static_cast<std::uint32_t>(worker_), name};
  writers_.push_front(
      {std::string(app), std::make_unique<telemetry::LogSegmentWriter>(std::move(identity))});
  by_app_.emplace(app, writers_.begin());
  return *writers_.front().log;
}

void AccessLog::write(std::string_view app, const Access& access, WallTime wall, Time now) {
  if (directory_.empty() || app.empty()) return;
  writer_of(app).line(telemetry::LogSegmentStream::out, access_line(access, app), wall, now);
}

void AccessLog::tick(WallTime wall, Time now) {
  for (auto& writer : writers_) writer.log->tick(wall, now);
}

}  // namespace nuri::router
