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

json::object certificate_json(const model::TableCertificate& c) {
  return {{"id", c.id},
          {"hosts", json::array(c.hosts.begin(), c.hosts.end())},
          {"chain", c.chain},
          {"key", c.key}};
}

model::TableCertificate certificate_from(const json::object& o) {
  model::TableCertificate c;
  c.id = json::require_string(o, "id");
  c.chain = json::require_string(o, "chain");
  c.key = json::require_string(o, "key");
  for (const auto& host : json::require_array(o, "hosts")) {
    if (!host.is_string()) throw Error(Code::unprocessable, "'hosts' must hold strings");
    c.hosts.emplace_back(host.get_string());
  }
  return c;
}

json::object challenge_json(const model::TableChallenge& c) {
  return {{"token", c.token}, {"authorization", c.authorization}};
}

model::TableChallenge challenge_from(const json::object& o) {
  return {json::require_string(o, "token"), json::require_string(o, "authorization")};
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

// Calls each(object) for what the array `key` holds, if it is there.
template <class Each>
void for_objects(const json::object& o, std::string_view key, Each each) {
  const auto* array = json::find_array(o, key);
  if (!array) return;
  for (const auto& value : *array) {
    if (!value.is_object())
      throw Error(Code::unprocessable, fmt::format("'{}' must hold objects", key));
    each(value.get_object());
  }
}

std::vector<std::string> names_in(const json::object& o, std::string_view key) {
  std::vector<std::string> out;
  if (const auto* array = json::find_array(o, key))
    for (const auto& value : *array) {
      if (!value.is_string())
        throw Error(Code::unprocessable, fmt::format("'{}' must hold strings", key));
      out.emplace_back(value.get_string());
    }
  return out;
}

TableChange change_from(const json::object& o) {
  TableChange change;
  for_objects(o, "put", [&](const json::object& entry) {
    change.put.push_back(parse_entry(entry, model::UnknownKeys::ignored));
  });
  for_objects(o, "remove", [&](const json::object& key) {
    change.remove.push_back({json::require_string(key, "host"), json::get_string(key, "path")});
  });
  for_objects(o, "put_certificates", [&](const json::object& certificate) {
    change.put_certificates.push_back(certificate_from(certificate));
  });
  change.remove_certificates = names_in(o, "remove_certificates");
  for_objects(o, "put_challenges", [&](const json::object& challenge) {
    change.put_challenges.push_back(challenge_from(challenge));
  });
  change.remove_challenges = names_in(o, "remove_challenges");
  return change;
}

template <class Values, class ToJson>
void add_array(json::object& out, std::string_view key, const Values& values, ToJson to_json) {
  if (values.empty()) return;
  json::array array;
  for (const auto& value : values) array.push_back(to_json(value));
  out[key] = std::move(array);
}

json::value key_json(const RouteKey& key) {
  return json::object{{"host", key.host}, {"path", key.path}};
}
json::value name_json(const std::string& name) { return json::value(name); }

json::object change_json(const TableChange& change) {
  json::object out;
  add_array(out, "put", change.put, entry_json);
  add_array(out, "remove", change.remove, key_json);
  add_array(out, "put_certificates", change.put_certificates, certificate_json);
  add_array(out, "remove_certificates", change.remove_certificates, name_json);
  add_array(out, "put_challenges", change.put_challenges, challenge_json);
  add_array(out, "remove_challenges", change.remove_challenges, name_json);
  return out;
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
  json::object operator()(const TableChange& m) const { return change_json(m); }
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

// {"put":[…],"remove":[…], … } without what is in them.
constexpr std::size_t kKeysBytes = 160;

std::vector<TableChange> split(TableChange change, std::size_t limit_bytes) {
  std::vector<TableChange> out;
  std::size_t bytes = limit_bytes;
  const auto room_for = [&](std::size_t wanted) {
    if (bytes + wanted > limit_bytes) {
      out.emplace_back();
      bytes = kKeysBytes;
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
  for (auto& certificate : change.put_certificates) {
    room_for(json::serialize(certificate_json(certificate)).size() + 1);
    out.back().put_certificates.push_back(std::move(certificate));
  }
  for (auto& id : change.remove_certificates) {
    room_for(id.size() + 8);
    out.back().remove_certificates.push_back(std::move(id));
  }
  for (auto& challenge : change.put_challenges) {
    room_for(json::serialize(challenge_json(challenge)).size() + 1);
    out.back().put_challenges.push_back(std::move(challenge));
  }
  for (auto& token : change.remove_challenges) {
    room_for(token.size() + 8);
    out.back().remove_challenges.push_back(std::move(token));
  }
  return out;
}

}  // namespace nuri::router
