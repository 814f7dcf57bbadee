#include <fmt/format.h>

#include <array>

#include "base/json.h"
#include "base/limits.h"
#include "engine/host_protocol.h"
#include "engine/host_protocol_names.h"

namespace nuri::host {
namespace {

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};

json::object encode_info(const InstanceInfo& i) {
  return {{"guid", i.guid},
          {"app", i.app},
          {"kind", name_of(i.kind)},
          {"index", i.index},
          {"state", name_of(i.state)},
          {"address", i.address},
          {"shim_pid", i.shim_pid},
          {"shim_start_time", i.shim_start_time}};
}

json::object encode_capacity(const Capacity& c) {
  return {{"disk_total_bytes", c.disk_total_bytes},
          {"disk_free_bytes", c.disk_free_bytes},
          {"disk_reserve_bytes", c.disk_reserve_bytes},
          {"disk_promised_bytes", c.disk_promised_bytes},
          {"memory_total_bytes", c.memory_total_bytes},
          {"memory_available_bytes", c.memory_available_bytes},
          {"instances", c.instances},
          {"slots", c.slots}};
}

json::object encode_stats(const InstanceStats& s) {
  return {{"memory_bytes", s.memory_bytes},
          {"memory_anon_bytes", s.memory_anon_bytes},
          {"cpu_ns", s.cpu_ns},
          {"pids", s.pids},
          {"disk_bytes", s.disk_bytes},
          {"oom_kills", s.oom_kills}};
}

json::object fields_of(const Reply& reply) {
  return std::visit(
      Overloaded{
          [](const Failure& r) {
            return json::object{{"error", info(r.code).name}, {"message", r.message}};
          },
          [](const Done&) { return json::object{{"done", json::object{}}}; },
          [](const Welcome& r) {
            return json::object{{"welcome",
                                 {{"version", r.version},
                                  {"realm", r.realm},
                                  {"gateway", r.gateway},
                                  {"subnet", r.subnet},
                                  {"instances_dir", r.instances_dir},
                                  {"logs_dir", r.logs_dir}}}};
          },
          [](const Started& r) {
            return json::object{{"started",
                                 {{"guid", r.guid},
                                  {"dir", r.dir},
                                  {"address", r.address},
                                  {"shim_pid", r.shim_pid},
                                  {"shim_start_time", r.shim_start_time}}}};
          },
          [](const InstancePage& r) {
            json::array list;
            for (const auto& i : r.instances) list.emplace_back(encode_info(i));
            return json::object{{"instances", {{"list", std::move(list)}, {"more", r.more}}}};
          },
          [](const Layers& r) {
            json::array list;
            for (const auto& d : r.diff_ids) list.emplace_back(d.str());
            return json::object{{"layers", std::move(list)}};
          },
          [](const LayerPage& r) {
            json::array list;
            for (const auto& l : r.layers)
              list.emplace_back(json::object{{"diff_id", l.diff_id.str()}, {"bytes", l.bytes}});
            return json::object{{"layer_page", {{"list", std::move(list)}, {"more", r.more}}}};
          },
          [](const InstanceStats& r) { return json::object{{"stats", encode_stats(r)}}; },
          [](const Capacity& r) { return json::object{{"capacity", encode_capacity(r)}}; },
      },
      reply);
}

std::uint64_t number(const json::object& o, std::string_view key) {
  const std::int64_t n = json::require_int(o, key);
  if (n < 0) throw Error(Code::unprocessable, fmt::format("'{}' must not be negative", key));
  return static_cast<std::uint64_t>(n);
}

template <class T>
T number_as(const json::object& o, std::string_view key) {
  const std::uint64_t n = number(o, key);
  if (!std::in_range<T>(n)) throw Error(Code::unprocessable, fmt::format("'{}' is too large", key));
  return static_cast<T>(n);
}

Digest digest_of(std::string_view text) {
  const auto d = Digest::parse(text);
  if (!d) throw Error(Code::unprocessable, "expected a sha256 digest");
  return *d;
}

const json::object& object_of(const json::value& v) {
  if (!v.is_object()) throw Error(Code::unprocessable, "expected an object");
  return v.get_object();
}

Code code_named(std::string_view name) {
  for (int c = 0; c <= static_cast<int>(Code::internal); ++c)
    if (info(static_cast<Code>(c)).name == name) return static_cast<Code>(c);
  return Code::internal;
}

Reply parse_failure(const json::object& top) {
  return Failure{code_named(json::require_string(top, "error")), json::get_string(top, "message")};
}

Reply parse_welcome(const json::object& o) {
  return Welcome{number_as<int>(o, "version"),
                 json::require_string(o, "realm"),
                 json::require_string(o, "gateway"),
                 json::require_string(o, "subnet"),
                 json::require_string(o, "instances_dir"),
                 json::require_string(o, "logs_dir")};
}

Reply parse_started(const json::object& o) {
  return Started{json::require_string(o, "guid"), json::require_string(o, "dir"),
                 json::require_string(o, "address"), number_as<int>(o, "shim_pid"),
                 number(o, "shim_start_time")};
}

InstanceInfo parse_info(const json::object& o) {
  const auto kind = kind_named(json::require_string(o, "kind"));
  const auto state = state_named(json::require_string(o, "state"));
  if (!kind || !state) throw Error(Code::unprocessable, "'kind' or 'state' is not known");
  return InstanceInfo{json::require_string(o, "guid"),
                      json::require_string(o, "app"),
                      *kind,
                      number_as<std::uint32_t>(o, "index"),
                      *state,
                      json::require_string(o, "address"),
                      number_as<int>(o, "shim_pid"),
                      number(o, "shim_start_time")};
}

Reply parse_instances(const json::object& o) {
  InstancePage out;
  for (const auto& v : json::require_array(o, "list"))
    out.instances.push_back(parse_info(object_of(v)));
  out.more = json::get_bool(o, "more");
  return out;
}

Reply parse_layer_page(const json::object& o) {
  LayerPage out;
  for (const auto& v : json::require_array(o, "list")) {
    const json::object& l = object_of(v);
    out.layers.push_back({digest_of(json::require_string(l, "diff_id")), number(l, "bytes")});
  }
  out.more = json::get_bool(o, "more");
  return out;
}

Reply parse_stats(const json::object& o) {
  return InstanceStats{number(o, "memory_bytes"), number(o, "memory_anon_bytes"),
                       number(o, "cpu_ns"),       number(o, "pids"),
                       number(o, "disk_bytes"),   number(o, "oom_kills")};
}

Reply parse_capacity(const json::object& o) {
  return Capacity{number(o, "disk_total_bytes"),
                  number(o, "disk_free_bytes"),
                  number(o, "disk_reserve_bytes"),
                  number(o, "disk_promised_bytes"),
                  number(o, "memory_total_bytes"),
                  number(o, "memory_available_bytes"),
                  number_as<std::uint32_t>(o, "instances"),
                  number_as<std::uint32_t>(o, "slots")};
}

struct ReplyKind {
  std::string_view key;
  Reply (*parse)(const json::object&);
};

constexpr std::array kReplies{
    ReplyKind{"done", [](const json::object&) { return Reply(Done{}); }},
    ReplyKind{"welcome", parse_welcome},
    ReplyKind{"started", parse_started},
    ReplyKind{"instances", parse_instances},
    ReplyKind{"layer_page", parse_layer_page},
    ReplyKind{"stats", parse_stats},
    ReplyKind{"capacity", parse_capacity},
};

Reply parse_reply(const json::object& top) {
  if (top.contains("error")) return parse_failure(top);
  if (const json::array* list = json::find_array(top, "layers")) {
    Layers out;
    for (const auto& v : *list)
      out.diff_ids.push_back(digest_of(v.is_string() ? std::string_view(v.get_string()) : ""));
    return out;
  }
  for (const ReplyKind& kind : kReplies)
    if (const json::object* o = json::find_object(top, kind.key)) return kind.parse(*o);
  throw Error(Code::bad_request, "a reply of no known kind");
}

}  // namespace

std::string encode(const HostMessage& message) {
  if (const auto* exited = std::get_if<Exited>(&message))
    return json::serialize(json::object{{"exited", {{"guid", exited->guid}}}});
  const auto& reply = std::get<ReplyMessage>(message);
  json::object out = fields_of(reply.reply);
  out["id"] = reply.id;
  return json::serialize(out);
}

HostMessage parse_host_message(std::string_view packet) {
  const json::object top = json::parse_object(packet, limits::kHostMessageBytes);
  if (const json::object* exited = json::find_object(top, "exited"))
    return Exited{json::require_string(*exited, "guid")};
  return ReplyMessage{number(top, "id"), parse_reply(top)};
}

}  // namespace nuri::host
