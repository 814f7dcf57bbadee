#include <fmt/format.h>

#include "base/limits.h"
#include "model/option_fields.h"
#include "model/route_settings.h"
#include "model/text.h"

namespace nuri::model {
namespace {

std::vector<IpRange> ranges(OptionFields& from, std::string_view key) {
  std::vector<IpRange> out;
  for (const std::string& text : from.texts(key)) {
    const auto range = IpRange::parse(text);
    if (!range)
      from.refuse(key, fmt::format("'{}' is no address and no block, as in 10.0.0.0/8 or "
                                   "2001:db8::/32",
                                   printable(text)));
    out.push_back(*range);
  }
  return out;
}

// Objects whose keys are the user's own: names of users, headers, pages.
std::map<std::string, std::string> text_map(OptionFields& from, std::string_view key) {
  std::map<std::string, std::string> out;
  const json::object* object = from.object(key);
  if (!object) return out;
  OptionFields fields(*object, from.name(key) + ".");
  for (const auto& [name, value] : *object)
    if (auto text = fields.text(name)) out.emplace(name, std::move(*text));
  return out;
}

// `read(fields, value)` for the object under `key`, if it is there; then its unknown keys are
// named. The text or truth `true` is an object that says nothing.
template <class T, class Read>
void section(OptionFields& from, std::string_view key, UnknownKeys unknown, std::optional<T>& out,
             Read read) {
  const json::value* found = from.find(key);
  if (!found) return;
  static const json::object kNothing;
  const json::object* object = found->if_object();
  const bool word =
      found->is_bool() || *found == json::value("true") || *found == json::value("false");
  if (!object && !word) from.refuse(key, "must be an object, or true or false");
  if (!object && !from.truth(key).value()) return;
  OptionFields fields(object ? *object : kNothing, from.name(key) + ".");
  read(fields, out.emplace());
  if (unknown == UnknownKeys::refused) fields.done();
}

void read_balance(OptionFields& from, RouteSettings& out) {
  if (const auto name = from.text("loadbalancing")) {
    const auto balance = from_text<Balance>(*name);
    if (!balance)
      from.refuse("loadbalancing", fmt::format("must be least-connection, round-robin or hash, "
                                               "not '{}'",
                                               printable(*name)));
    out.balance = *balance;
  }
  out.hash_header = from.text("hash_header").value_or("");
  out.hash_balance = from.fraction("hash_balance").value_or(0);
  out.session_cookies = from.texts("session_cookies");
}

void read_edge(OptionFields& from, UnknownKeys unknown, RouteSettings& out) {
  out.https_redirect = from.truth("https_redirect").value_or(false);
  out.canonical_host = from.text("canonical_host").value_or("");
  section(from, "maintenance", unknown, out.maintenance, [](OptionFields& f, Maintenance& m) {
    m.text = f.text("text").value_or("");
    m.html = f.text("html").value_or("");
    m.retry_after_s =
        static_cast<int>(f.number("retry_after", 0, 86'400).value_or(m.retry_after_s));
    m.bypass = ranges(f, "bypass");
  });
  section(from, "basic_auth", unknown, out.basic_auth, [](OptionFields& f, BasicAuth& auth) {
    auth.realm = f.text("realm").value_or(auth.realm);
    auth.users = text_map(f, "users");
  });
  out.allow = ranges(from, "allow");
  out.deny = ranges(from, "deny");
  out.error_pages = text_map(from, "error_pages");
  out.body_limit = from.bytes("body_limit", limits::kRouteBodyBytes).value_or(0);
  section(from, "compress", unknown, out.compress, [](OptionFields& f, Compression& compress) {
    compress.types = f.texts("types");
    compress.min_bytes = f.bytes("min_bytes", limits::kRouteBodyBytes).value_or(compress.min_bytes);
  });
  std::optional<HeaderEdits> edits;
  section(from, "response_headers", unknown, edits, [](OptionFields& f, HeaderEdits& e) {
    e.set = text_map(f, "set");
    e.remove = f.texts("remove");
  });
  if (edits) out.response_headers = std::move(*edits);
}

void read_limits(OptionFields& from, UnknownKeys unknown, RouteSettings& out) {
  std::optional<RouteDeadlines> deadlines;
  section(from, "deadlines", unknown, deadlines, [](OptionFields& f, RouteDeadlines& d) {
    d.head = f.duration("head", limits::kRouteDeadline);
    d.idle = f.duration("idle", limits::kRouteDeadline);
    d.answer = f.duration("answer", limits::kRouteDeadline);
    d.body_idle = f.duration("body_idle", limits::kRouteDeadline);
    d.request = f.duration("request", limits::kRouteDeadline);
  });
  if (deadlines) out.deadlines = *deadlines;
  std::optional<MaxOutstanding> most;
  section(from, "max_outstanding", unknown, most, [](OptionFields& f, MaxOutstanding& m) {
    m.instance = static_cast<int>(f.number("instance", 0, limits::kRouteOutstanding).value_or(0));
    m.route = static_cast<int>(f.number("route", 0, limits::kRouteOutstanding).value_or(0));
  });
  if (most) out.max_outstanding = *most;
  std::optional<WaitingLine> queue;
  section(from, "queue", unknown, queue, [](OptionFields& f, WaitingLine& line) {
    if (const auto length = f.number("length", 0, limits::kRouteQueue))
      line.length = static_cast<int>(*length);
    line.wait = f.duration("wait", limits::kRouteDeadline);
  });
  if (queue) out.queue = *queue;
}

json::array texts_json(const std::vector<std::string>& texts) {
  return json::array(texts.begin(), texts.end());
}

json::array ranges_json(const std::vector<IpRange>& all) {
  json::array out;
  for (const auto& range : all) out.push_back(json::value(range.str()));
  return out;
}

json::object map_json(const std::map<std::string, std::string>& map) {
  json::object out;
  for (const auto& [key, value] : map) out.emplace(key, value);
  return out;
}

// Adds what is not empty.
void add(json::object& out, std::string_view key, json::object value) {
  if (!value.empty()) out.emplace(key, std::move(value));
}
void add(json::object& out, std::string_view key, json::array value) {
  if (!value.empty()) out.emplace(key, std::move(value));
}
void add(json::object& out, std::string_view key, const std::string& value) {
  if (!value.empty()) out.emplace(key, value);
}
void add(json::object& out, std::string_view key, std::optional<Duration> value) {
  if (value) out.emplace(key, duration_text(*value));
}
void add(json::object& out, std::string_view key, int value) {
  if (value != 0) out.emplace(key, value);
}

json::object maintenance_json(const Maintenance& m) {
  json::object out;
  add(out, "text", m.text);
  add(out, "html", m.html);
  out.emplace("retry_after", m.retry_after_s);
  add(out, "bypass", ranges_json(m.bypass));
  return out;
}

json::object deadlines_json(const RouteDeadlines& d) {
  json::object out;
  add(out, "head", d.head);
  add(out, "idle", d.idle);
  add(out, "answer", d.answer);
  add(out, "body_idle", d.body_idle);
  add(out, "request", d.request);
  return out;
}

json::object limits_json(const RouteSettings& s) {
  json::object most, queue, out;
  add(most, "instance", s.max_outstanding.instance);
  add(most, "route", s.max_outstanding.route);
  if (s.queue.length) queue.emplace("length", *s.queue.length);
  add(queue, "wait", s.queue.wait);
  add(out, "deadlines", deadlines_json(s.deadlines));
  add(out, "max_outstanding", std::move(most));
  add(out, "queue", std::move(queue));
  return out;
}

}  // namespace

RouteSettings parse_route_settings(const json::object& text, UnknownKeys unknown) {
  RouteSettings out;
  OptionFields fields(text, "");
  read_balance(fields, out);
  read_edge(fields, unknown, out);
  read_limits(fields, unknown, out);
  if (unknown == UnknownKeys::refused) fields.done();
  validate(out);
  return out;
}

json::object route_settings_json(const RouteSettings& s) {
  json::object out;
  if (s.balance != Balance::least_outstanding) out.emplace("loadbalancing", to_text(s.balance));
  add(out, "hash_header", s.hash_header);
  if (s.hash_balance != 0) out.emplace("hash_balance", s.hash_balance);
  add(out, "session_cookies", texts_json(s.session_cookies));
  if (s.https_redirect) out.emplace("https_redirect", true);
  add(out, "canonical_host", s.canonical_host);
  if (s.maintenance) out.emplace("maintenance", maintenance_json(*s.maintenance));
  if (s.basic_auth)
    out.emplace("basic_auth", json::object{{"realm", s.basic_auth->realm},
                                           {"users", map_json(s.basic_auth->users)}});
  add(out, "allow", ranges_json(s.allow));
  add(out, "deny", ranges_json(s.deny));
  add(out, "error_pages", map_json(s.error_pages));
  if (s.body_limit != 0) out.emplace("body_limit", s.body_limit);
  if (s.compress) {
    json::object compress{{"min_bytes", s.compress->min_bytes}};
    add(compress, "types", texts_json(s.compress->types));
    out.emplace("compress", std::move(compress));
  }
  json::object headers;
  add(headers, "set", map_json(s.response_headers.set));
  add(headers, "remove", texts_json(s.response_headers.remove));
  add(out, "response_headers", std::move(headers));
  for (auto& [key, value] : limits_json(s)) out.emplace(key, std::move(value));
  return out;
}

}  // namespace nuri::model
