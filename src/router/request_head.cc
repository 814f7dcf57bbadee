#include "router/request_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/json.h"
#include "base/limits.h"
#include "http/head_rules.h"
#include "http/head_text.h"
#include "http/message.h"
#include "router/compression.h"
#include "router/trace_context.h"

namespace nuri::router {
namespace {

bool is(std::string_view name, std::string_view wanted) { return http::same_name(name, wanted); }

// Fields that end here: the standard ones, and those that Connection names.
class HopByHop {
 public:
  explicit HopByHop(const http::HeadView& head) : head_(head) {
    for (const auto& header : head.headers)
      if (names_others(header)) any_ = true;
  }
  bool holds(std::string_view name) const {
    if (http::is_connection_header(name)) return true;
    return any_ && std::ranges::any_of(head_.headers, [&](const http::HeaderView& header) {
             return names_others(header) && http::list_has(header.value, name);
           });
  }

 private:
  static bool names_others(const http::HeaderView& header) {
    return is(header.name, "Connection") && !is(header.value, "keep-alive") &&
           !is(header.value, "close");
  }
  const http::HeadView& head_;
  bool any_ = false;
};

// Without case, and '_' is '-'.
bool like(std::string_view name, std::string_view lower) {
  return name.size() == lower.size() &&
         std::equal(name.begin(), name.end(), lower.begin(), [](char a, char b) {
           if (a >= 'A' && a <= 'Z') a = static_cast<char>(a | 0x20);
           return (a == '_' ? '-' : a) == b;
         });
}

bool routers_own(std::string_view name) {
  constexpr std::string_view kForwarded = "x-forwarded-";
  if (name.empty() || ((name[0] | 0x20) != 'x' && (name[0] | 0x20) != 'f')) return false;
  return like(name.substr(0, kForwarded.size()), kForwarded) || like(name, "forwarded") ||
         like(name, "x-real-ip") || like(name, "x-vcap-request-id") || like(name, "x-request-id");
}

void append(std::string& out, std::string_view name, std::string_view value) {
  const std::size_t before = out.size();
  out.resize_and_overwrite(before + name.size() + value.size() + 4, [&](char* text, std::size_t) {
    char* to = text + before;
    to += name.copy(to, name.size());
    *to++ = ':';
    *to++ = ' ';
    to += value.copy(to, value.size());
    *to++ = '\r';
    *to++ = '\n';
    return static_cast<std::size_t>(to - text);
  });
}

void append_framing(std::string& out, const http::HeadView& head) {
  if (head.chunked)
    out += "Transfer-Encoding: chunked\r\n";
  else if (head.content_length)
    append(out, "Content-Length", fmt::to_string(*head.content_length));
}

bool edited(const model::HeaderEdits& edits, std::string_view name) {
  return std::ranges::any_of(edits.set, [&](const auto& one) { return is(name, one.first); }) ||
         std::ranges::any_of(edits.remove, [&](const auto& one) { return is(name, one); });
}

// One of the app's own fields, as it is or as the route's settings want it.
void append_field(std::string& out, const http::HeaderView& header, const AnswerWish& wish) {
  if (wish.edits && edited(*wish.edits, header.name)) return;
  if (!wish.coding.empty()) {
    // Ranges would be of the other content.
    if (is(header.name, "Accept-Ranges")) return;
    if (is(header.name, "ETag")) return append(out, header.name, weak_etag(header.value));
  }
  append(out, header.name, header.value);
}

void append_settings(std::string& out, const http::HeadView& head, const AnswerWish& wish) {
  if (wish.edits)
    for (const auto& [name, value] : wish.edits->set) append(out, name, value);
  if (wish.vary) {
    const auto vary = head.find("Vary").value_or("");
    if (!http::list_has(vary, "Accept-Encoding") && !http::list_has(vary, "*"))
      append(out, "Vary", "Accept-Encoding");
  }
  if (wish.coding.empty()) return;
  append(out, "Content-Encoding", wish.coding);
  out += "Transfer-Encoding: chunked\r\n";
}

}  // namespace

bool wants_tunnel(const http::HeadView& head) {
  return head.upgrade && !http::list_has(head.find("Upgrade").value_or(""), "h2c");
}

std::string_view request_id_of(const http::HeadView& head, std::string_view otherwise) {
  const auto given = head.find("X-Request-Id").value_or("");
  return http::is_token(given) && given.size() <= limits::kRequestIdBytes ? given : otherwise;
}

void append_request_head(std::string& out, const http::HeadView& head, const Forwarded& forwarded) {
  const HopByHop hop_by_hop(head);
  const TraceContext trace = trace_context(head, forwarded.request_id);
  const auto of_trace = [&](std::string_view name) {
    return is(name, "traceparent") || (!trace.continued && is(name, "tracestate"));
  };
  out += head.method;
  out += ' ';
  out += head.path_query;
  out += " HTTP/1.1\r\n";
  append(out, "Host", head.authority);
  // HTTP/1.0 knows no expectations (RFC 9110 section 10.1.1), and what is sent is HTTP/1.1.
  const auto stays_here = [&](std::string_view name) {
    return is(name, "Host") || (head.version == http::Version::http10 && is(name, "Expect"));
  };
  for (const auto& header : head.headers)
    if (!stays_here(header.name) && !routers_own(header.name) && !of_trace(header.name) &&
        !hop_by_hop.holds(header.name))
      append(out, header.name, header.value);
  append_framing(out, head);
  append(out, "X-Forwarded-For", forwarded.client);
  append(out, "X-Forwarded-Proto", forwarded.proto);
  append(out, "X-Forwarded-Host", head.authority);
  append(out, "X-Request-Id", request_id_of(head, forwarded.request_id));
  append(out, "X-Vcap-Request-Id", forwarded.request_id);
  append(out, "traceparent", trace.parent());
  if (wants_tunnel(head)) {
    append(out, "Connection", "Upgrade");
    append(out, "Upgrade", head.find("Upgrade").value_or(""));
  }
  out += "\r\n";
}

std::string answer_head(const http::HeadView& head, const AnswerWish& wish,
                        std::string_view request_id) {
  const HopByHop hop_by_hop(head);
  std::string out;
  out.reserve(head.bytes + 128 + wish.content_here);
  out += "HTTP/1.1 ";
  out += fmt::to_string(head.status);
  out += ' ';
  out += head.reason;
  out += "\r\n";
  const bool final = head.status >= 200 || head.status == 101;
  for (const auto& header : head.headers)
    if (!is(header.name, "X-Vcap-Request-Id") && !hop_by_hop.holds(header.name))
      append_field(out, header, wish);
  append_settings(out, head, wish);
  // RFC 9110 section 8.6: no length where there can be no content.
  if (!wish.unframe && wish.coding.empty() && head.status >= 200 && head.status != 204)
    append_framing(out, head);
  if (final) append(out, "X-Vcap-Request-Id", request_id);
  if (!wish.cookie.empty()) append(out, "Set-Cookie", wish.cookie);
  if (head.status == 101) {
    append(out, "Connection", "Upgrade");
    append(out, "Upgrade", head.find("Upgrade").value_or(""));
  } else if (wish.close) {
    append(out, "Connection", "close");
  } else if (wish.say_keep) {
    append(out, "Connection", "keep-alive");
  }
  out += "\r\n";
  return out;
}

namespace {

struct Content {
  std::string type, text;
};

Content own_content(const OwnAnswer& a) {
  if (!a.type.empty()) return {std::string(a.type), std::string(a.message)};
  if (a.accept.find("json") != a.accept.npos)
    return {"application/json",
            json::serialize(json::object{
                {"error", a.error}, {"message", a.message}, {"request_id", a.request_id}}) +
                "\n"};
  if (!a.page.empty()) return {"text/html; charset=utf-8", std::string(a.page)};
  const std::string about = a.error.empty() ? std::string() : fmt::format("{}; ", a.error);
  return {"text/plain; charset=utf-8",
          fmt::format("{} {}\n\n{}\n(from Nuri's router, not from the app; {}request {})\n",
                      a.status, http::reason(a.status), a.message, about, a.request_id)};
}

// What own_answer says itself.
bool is_own(std::string_view name) {
  constexpr std::array<std::string_view, 4> kOwn{"Content-Type", "Cache-Control", "Retry-After",
                                                 "Location"};
  return std::ranges::any_of(kOwn, [&](std::string_view own) { return is(name, own); });
}

}  // namespace

std::string own_answer(const OwnAnswer& a) {
  const Content content = own_content(a);
  std::string out;
  http::append_status_line(out, a.status);
  append(out, "Content-Type", content.type);
  append(out, "Content-Length", fmt::to_string(content.text.size()));
  if (!a.error.empty()) append(out, "X-Nuri-Error", a.error);
  append(out, "Cache-Control", "no-store");
  append(out, "X-Vcap-Request-Id", a.request_id);
  if (a.status == 503) append(out, "Retry-After", fmt::to_string(a.retry_after_s));
  out += a.fields;
  if (a.edits)
    for (const auto& [name, value] : a.edits->set)
      if (!is_own(name)) append(out, name, value);
  if (a.close)
    append(out, "Connection", "close");
  else if (a.say_keep)
    append(out, "Connection", "keep-alive");
  out += "\r\n";
  if (a.with_body) out += content.text;
  return out;
}

}  // namespace nuri::router
