#include "router/table_change.h"

#include <fmt/format.h>

#include "model/json.h"

namespace nuri::router {
namespace {

json::object upstream_json(const model::Upstream& u) {
  json::object out{{"id", u.id}, {"address", u.address}};
  if (u.port) out["port"] = u.port;
  if (u.index) out["index"] = u.index;
  if (u.weight != 1) out["weight"] = u.weight;
  if (u.protocol != model::DestinationProtocol::http1) out["protocol"] = model::to_text(u.protocol);
  return out;
}

json::object entry_json(const model::RouteEntry& entry) {
  json::array upstreams;
  for (const auto& upstream : entry.upstreams) upstreams.push_back(upstream_json(upstream));
  json::object out{
      {"host", entry.host}, {"path", entry.path}, {"app", entry.app}, {"upstreams", upstreams}};
  if (entry.wakes) out["wakes"] = true;
  if (entry.settings) out["settings"] = model::route_settings_json(*entry.settings);
  return out;
}

int number(const json::object& o, std::string_view key, int otherwise, int most) {
  const std::int64_t value = json::get_int(o, key, otherwise);
  if (value < 0 || value > most)
    throw Error(Code::unprocessable, fmt::format("'{}' must be 0 to {}", key, most));
  return static_cast<int>(value);
}

model::Upstream upstream_from(const json::object& o) {
  model::Upstream u;
  u.address = json::require_string(o, "address");
  u.id = json::get_string(o, "id", u.address);
  u.port = number(o, "port", 0, 65535);
  u.index = number(o, "index", 0, 1'000'000);
  u.weight = number(o, "weight", 1, 1'000'000);
  if (o.contains("protocol")) model::from_json(o.at("protocol"), u.protocol);
  return u;
}

}  // namespace

model::RouteEntry parse_entry(const json::object& o, model::UnknownKeys unknown) {
  model::RouteEntry entry;
  entry.host = json::require_string(o, "host");
  entry.path = json::get_string(o, "path");
  entry.app = json::get_string(o, "app");
  if (const auto* upstreams = json::find_array(o, "upstreams"))
    for (const auto& upstream : *upstreams) {
      if (!upstream.is_object()) throw Error(Code::unprocessable, "'upstreams' must hold objects");
      entry.upstreams.push_back(upstream_from(upstream.get_object()));
    }
  entry.wakes = json::get_bool(o, "wakes", false);
  if (const auto* settings = json::find_object(o, "settings"))
    entry.settings = std::make_shared<const model::RouteSettings>(
        model::parse_route_settings(*settings, unknown));
  return entry;
}

namespace {

TableChange change_from(const json::object& o) {
  TableChange change;
  if (const auto* put = json::find_array(o, "put"))
    for (const auto& entry : *put) {
      if (!entry.is_object()) throw Error(Code::unprocessable, "'put' must hold objects");
      change.put.push_back(parse_entry(entry.get_object(), model::UnknownKeys::ignored));
    }
  if (const auto* remove = json::find_array(o, "remove"))
    for (const auto& key : *remove) {
      if (!key.is_object()) throw Error(Code::unprocessable, "'remove' must hold objects");
      change.remove.push_back({json::require_string(key.get_object(), "host"),
                               json::get_string(key.get_object(), "path")});
    }
  return change;
}

struct Encoder {
  json::object operator()(const Begin&) const { return {{"begin", true}}; }
  json::object operator()(const Commit& m) const { return {{"commit", m.number}}; }
  json::object operator()(const Drain& m) const { return {{"drain", m.upstream}}; }
  json::object operator()(const FetchListeners&) const { return {{"listeners", true}}; }
  json::object operator()(const Committed& m) const { return {{"committed", m.number}}; }
  json::object operator()(const Drained& m) const { return {{"drained", m.upstream}}; }
  json::object operator()(const Wake& m) const { return {{"wake", m.app}}; }
  json::object operator()(const ListenerNames& m) const {
    return {{"listener_names", json::array(m.names.begin(), m.names.end())}};
  }
  json::object operator()(const TableChange& m) const {
    json::array put, remove;
    for (const auto& entry : m.put) put.push_back(entry_json(entry));
    for (const auto& key : m.remove)
      remove.push_back(json::object{{"host", key.host}, {"path", key.path}});
    json::object out;
    if (!put.empty()) out["put"] = std::move(put);
    if (!remove.empty()) out["remove"] = std::move(remove);
    return out;
  }
};

}  // namespace

std::string encode(const FeedMessage& message) {
  return json::serialize(std::visit(Encoder{}, message));
}
std::string encode(const FeedReply& reply) { return json::serialize(std::visit(Encoder{}, reply)); }

FeedMessage parse_feed_message(std::string_view text) {
  const json::object o = json::parse_object(text);
  if (o.contains("begin")) return Begin{};
  if (o.contains("commit"))
    return Commit{static_cast<std::uint64_t>(json::require_int(o, "commit"))};
  if (o.contains("drain")) return Drain{json::require_string(o, "drain")};
  if (o.contains("listeners")) return FetchListeners{};
  return change_from(o);
}

FeedReply parse_feed_reply(std::string_view text) {
  const json::object o = json::parse_object(text);
  if (o.contains("committed"))
    return Committed{static_cast<std::uint64_t>(json::require_int(o, "committed"))};
  if (o.contains("wake")) return Wake{json::require_string(o, "wake")};
  if (o.contains("drained")) return Drained{json::require_string(o, "drained")};
  ListenerNames names;
  for (const auto& name : json::require_array(o, "listener_names"))
    if (name.is_string()) names.names.emplace_back(name.get_string());
  return names;
}

std::vector<TableChange> split(TableChange change, std::size_t limit_bytes) {
  std::vector<TableChange> out;
  std::size_t bytes = limit_bytes;
  const auto room_for = [&](std::size_t wanted) {
    if (bytes + wanted > limit_bytes) {
      out.emplace_back();
      bytes = 32;
    }
    bytes += wanted;
  };
  for (auto& entry : change.put) {
    room_for(json::serialize(entry_json(entry)).size() + 1);
    out.back().put.push_back(std::move(entry));
  }
  for (auto& key : change.remove) {
    room_for(key.host.size() + key.path.size() + 64);
    out.back().remove.push_back(std::move(key));
  }
  return out;
}

}  // namespace nuri::router
