#include "router/request_head.h"

#include <fmt/format.h>

#include "base/json.h"
#include "http/head_rules.h"
#include "http/head_text.h"
#include "http/message.h"

namespace nuri::router {
namespace {

bool is(std::string_view name, std::string_view wanted) { return http::same_name(name, wanted); }

// Fields that end here: the standard ones, and those that Connection names.
bool hop_by_hop(const http::HeadView& head, std::string_view name) {
  if (http::is_connection_header(name)) return true;
  for (const auto& header : head.headers)
    if (is(header.name, "Connection") && http::list_has(header.value, name)) return true;
  return false;
}

bool framing_field(std::string_view name) {
  return is(name, "Content-Length") || is(name, "Transfer-Encoding");
}

bool routers_own(std::string_view name) {
  return is(name, "X-Forwarded-For") || is(name, "X-Forwarded-Proto") ||
         is(name, "X-Forwarded-Host") || is(name, "X-Forwarded-Port") || is(name, "Forwarded") ||
         is(name, "X-Request-Id") || is(name, "X-Vcap-Request-Id");
}

void append(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  out += value;
  out += "\r\n";
}

void append_framing(std::string& out, const http::HeadView& head) {
  if (head.chunked)
    out += "Transfer-Encoding: chunked\r\n";
  else if (head.content_length)
    out += fmt::format("Content-Length: {}\r\n", *head.content_length);
}

}  // namespace

std::string request_head(const http::HeadView& head, const Forwarded& forwarded) {
  std::string out;
  out.reserve(head.bytes + 256);
  out += head.method;
  out += ' ';
  out += head.path_query;
  out += " HTTP/1.1\r\n";
  append(out, "Host", head.authority);
  for (const auto& header : head.headers)
    if (!is(header.name, "Host") && !framing_field(header.name) && !routers_own(header.name) &&
        !hop_by_hop(head, header.name))
      append(out, header.name, header.value);
  append_framing(out, head);
  append(out, "X-Forwarded-For", forwarded.client);
  append(out, "X-Forwarded-Proto", forwarded.proto);
  append(out, "X-Forwarded-Host", head.authority);
  append(out, "X-Request-Id", forwarded.request_id);
  append(out, "X-Vcap-Request-Id", forwarded.request_id);
  if (head.upgrade) {
    append(out, "Connection", "Upgrade");
    append(out, "Upgrade", head.find("Upgrade").value_or(""));
  }
  out += "\r\n";
  return out;
}

std::string answer_head(const http::HeadView& head, const AnswerWish& wish,
                        std::string_view request_id) {
  std::string out;
  out.reserve(head.bytes + 128);
  out += fmt::format("HTTP/1.1 {} {}\r\n", head.status, head.reason);
  const bool upgraded = head.status == 101;
  for (const auto& header : head.headers)
    if (!framing_field(header.name) && !is(header.name, "X-Vcap-Request-Id") &&
        !hop_by_hop(head, header.name))
      append(out, header.name, header.value);
  if (!wish.unframe) append_framing(out, head);
  append(out, "X-Vcap-Request-Id", request_id);
  if (upgraded) {
    append(out, "Connection", "Upgrade");
    append(out, "Upgrade", head.find("Upgrade").value_or(""));
  } else if (wish.close) {
    append(out, "Connection", "close");
  }
  out += "\r\n";
  return out;
}

std::string own_answer(int status, std::string_view error, std::string_view message,
                       std::string_view accept, std::string_view request_id, bool close,
                       bool head_only) {
  const bool as_json = accept.find("json") != accept.npos;
  std::string body;
  if (as_json)
    body = json::serialize(
               json::object{{"error", error}, {"message", message}, {"request_id", request_id}}) +
           "\n";
  else
    body = fmt::format("{} {}\n\n{}\n(from Nuri's router, not from the app; {}; request {})\n",
                       status, http::reason(status), message, error, request_id);
  std::string out = fmt::format("HTTP/1.1 {} {}\r\n", status, http::reason(status));
  append(out, "Content-Type", as_json ? "application/json" : "text/plain; charset=utf-8");
  append(out, "Content-Length", fmt::to_string(body.size()));
  append(out, "X-Nuri-Error", error);
  append(out, "Cache-Control", "no-store");
  append(out, "X-Vcap-Request-Id", request_id);
  if (status == 503) append(out, "Retry-After", "2");
  if (close) append(out, "Connection", "close");
  out += "\r\n";
  if (!head_only) out += body;
  return out;
}

}  // namespace nuri::router
