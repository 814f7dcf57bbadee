#include <charconv>

#include "api/cf/access.h"
#include "api/cf/resources.h"
#include "async/deadline.h"
#include "base/encoding.h"

// log-cache's REST interface (its logcache.v1 as proto-JSON, where an unknown key fails a client).

namespace nuri::api {
namespace {

using telemetry::LogLine;
using telemetry::LogQuery;
using telemetry::LogToken;

std::int64_t number(const http::Request& request, std::string_view name, std::int64_t otherwise) {
  const auto text = request.parameter(name);
  if (!text) return otherwise;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size())
    throw Error(Code::bad_request, std::string(name) + " must be a whole number");
  return value;
}

LogQuery query_of(const http::Request& request) {
  LogQuery query;
  query.start_ns = number(request, "start_time", query.start_ns);
  query.end_ns = number(request, "end_time", query.end_ns);
  const std::int64_t limit = number(request, "limit", static_cast<std::int64_t>(query.limit));
  if (limit < 1 || limit > static_cast<std::int64_t>(telemetry::kLogReadLimit))
    throw Error(Code::bad_request, "limit must be between 1 and 1000");
  query.limit = static_cast<std::size_t>(limit);
  query.descending = request.parameter("descending") == "true";
  return query;
}

// envelope_types may stand there several times; without it all types are wanted.
bool wants_logs(std::string_view query) {
  bool named = false;
  while (!query.empty()) {
    const auto end = query.find('&');
    const std::string_view part = query.substr(0, end);
    if (part == "envelope_types=LOG" || part == "envelope_types=ANY") return true;
    named = named || part.starts_with("envelope_types=");
    query = end == query.npos ? std::string_view() : query.substr(end + 1);
  }
  return !named;
}

json::object envelope(const std::string& app, const LogLine& line) {
  return {
      {"timestamp", std::to_string(line.ns)},
      {"source_id", app},
      {"instance_id", line.instance},
      {"tags", json::object{{"source_type", line.source}}},
      {"log", json::object{{"payload", base64(line.text)},
                           {"type", line.stream == telemetry::LogStream::err ? "ERR" : "OUT"}}}};
}

struct Batch {
  std::vector<LogLine> lines;
  LogToken token;  // from before the lines were read
};

Task<Batch> read(const Call& call, const std::string& app, const LogQuery& query) {
  return call.parts.pool.run([&logs = call.parts.logs, app, query] {
    const LogToken token = logs.token(app);
    return Batch{logs.read(app, query), token};
  });
}

// A client that follows a log and is up to date waits here instead of asking again and again.
Task<Batch> read_held(const Call& call, const std::string& app, const LogQuery& query) {
  const async::Loop& loop = call.parts.loop;
  const Time until = loop.now() + limits::kHeldLogRead;
  Batch batch = co_await read(call, app, query);
  while (batch.lines.empty() && !query.descending && loop.now() < until &&
         query.end_ns > loop.wall().ns) {
    if (!co_await async::sleep(limits::kLogLook)) break;
    const LogToken now =
        co_await call.parts.pool.run([&logs = call.parts.logs, app] { return logs.token(app); });
    if (now == batch.token) continue;
    batch = co_await read(call, app, query);
  }
  co_return batch;
}

Task<void> read_logs(Call call) {
  const std::string app = call.params["guid"];
  const LogQuery query = query_of(call.request);
  co_await call.parts.store.read([user = call.user, app](store::Reader& reader) {
    require_app(reader, user, AppGuid(app), Access::read);
  });
  json::array batch;
  if (wants_logs(call.request.query))
    for (const Batch found = co_await read_held(call, app, query);
         const LogLine& line : found.lines)
      batch.push_back(envelope(app, line));
  co_await call.answer(200, json::object{{"envelopes", json::object{{"batch", std::move(batch)}}}});
}

Task<void> get_info(Call call) { co_await call.answer(200, json::object{{"version", "3.0.0"}}); }

}  // namespace

void add_logs(Routes& routes) {
  routes.add("GET /api/v1/info", get_info);
  routes.add("GET /api/v1/read/:guid", read_logs);
}

}  // namespace nuri::api
