#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/guid.h"
#include "base/json.h"
#include "base/limits.h"
#include "engine/host_protocol.h"
#include "engine/host_protocol_names.h"

namespace nuri::host {
namespace {

[[noreturn]] void refuse(std::string_view key, std::string_view wanted) {
  throw Error(Code::unprocessable, fmt::format("'{}' must be {}", key, wanted));
}

// The fields of one object. finish() refuses what nobody asked for: a misspelt limit must not be
// no limit.
class Fields {
 public:
  explicit Fields(const json::object& object) : object_(object) {}

  std::string text(std::string_view key, std::size_t max_bytes) {
    seen_.insert(key);
    std::string s = json::get_string(object_, key);
    if (s.size() > max_bytes) refuse(key, fmt::format("at most {} bytes", max_bytes));
    if (s.find('\0') != std::string::npos) refuse(key, "free of NUL bytes");
    return s;
  }
  std::string guid(std::string_view key) {
    std::string s = text(key, 36);
    if (!is_guid(s)) refuse(key, "a guid");
    return s;
  }
  std::uint64_t number(std::string_view key, std::uint64_t min, std::uint64_t max) {
    seen_.insert(key);
    const std::int64_t n = json::require_int(object_, key);
    if (n < 0 || static_cast<std::uint64_t>(n) < min || static_cast<std::uint64_t>(n) > max)
      refuse(key, fmt::format("from {} to {}", min, max));
    return static_cast<std::uint64_t>(n);
  }
  template <class T>
  T number_as(std::string_view key, T min, T max) {
    return static_cast<T>(number(key, min, max));
  }
  bool flag(std::string_view key) {
    seen_.insert(key);
    return json::get_bool(object_, key);
  }
  const json::array& list(std::string_view key, std::size_t max_entries) {
    seen_.insert(key);
    const json::array& a = json::require_array(object_, key);
    if (a.size() > max_entries) refuse(key, fmt::format("at most {} entries", max_entries));
    return a;
  }
  const json::object& object(std::string_view key) {
    seen_.insert(key);
    return json::require_object(object_, key);
  }
  std::vector<Digest> digests(std::string_view key, std::size_t max_entries) {
    std::vector<Digest> out;
    for (const json::value& v : list(key, max_entries)) {
      const auto digest = v.is_string() ? Digest::parse(v.get_string()) : std::nullopt;
      if (!digest) refuse(key, "a list of sha256 digests");
      out.push_back(*digest);
    }
    return out;
  }
  Digest digest(std::string_view key) {
    const auto digest = Digest::parse(text(key, 71));
    if (!digest) refuse(key, "a sha256 digest");
    return *digest;
  }
  void finish() const {
    for (const auto& field : object_)
      if (!seen_.contains(std::string_view(field.key())))
        throw Error(Code::unprocessable,
                    fmt::format("'{}' is not known here", std::string_view(field.key())));
  }

 private:
  const json::object& object_;
  std::set<std::string_view> seen_;
};

std::string string_entry(std::string_view key, const json::value& v, std::size_t max_bytes) {
  if (!v.is_string() || v.get_string().size() > max_bytes)
    refuse(key, fmt::format("a list of strings of at most {} bytes", max_bytes));
  std::string s(v.get_string());
  if (s.find('\0') != std::string::npos) refuse(key, "free of NUL bytes");
  return s;
}

InstanceLimits parse_limits(const json::object& object) {
  Fields f(object);
  InstanceLimits l;
  l.memory_bytes = f.number("memory_bytes", 4 * limits::kMiB, 64 * 1024 * limits::kGiB);
  l.disk_bytes = f.number("disk_bytes", 8 * limits::kMiB, 64 * 1024 * limits::kGiB);
  l.shm_bytes = f.number("shm_bytes", limits::kMiB, 64 * 1024 * limits::kGiB);
  l.cpu_weight = f.number_as<std::uint32_t>("cpu_weight", 1, 10'000);
  l.cpu_millis = f.number_as<std::uint32_t>("cpu_millis", 0, 1'000'000);
  if (l.cpu_millis > 0 && l.cpu_millis < 10) refuse("cpu_millis", "0 or from 10");
  l.pids = f.number_as<std::uint32_t>("pids", 2, 1'000'000);
  f.finish();
  return l;
}

std::string parse_log_source(Fields& f) {
  std::string source = f.text("log_source", 64);
  const bool fine = std::ranges::all_of(source, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '_' || c == '-';
  });
  if (source.empty() || !fine) refuse("log_source", "made of A-Z, 0-9, /, _ and -");
  return source;
}

std::vector<std::pair<std::string, std::string>> parse_env(const json::array& list) {
  std::vector<std::pair<std::string, std::string>> env;
  std::size_t bytes = 0;
  for (const json::value& v : list) {
    if (!v.is_array() || v.get_array().size() != 2) refuse("env", "a list of [name, value] pairs");
    std::string name = string_entry("env", v.get_array()[0], limits::kEnvBytes);
    std::string value = string_entry("env", v.get_array()[1], limits::kEnvBytes);
    if (name.empty() || name.find('=') != std::string::npos)
      refuse("env", "made of names that are not empty and hold no '='");
    bytes += name.size() + value.size();
    if (bytes > limits::kEnvBytes + limits::kHostEnvExtraBytes)
      throw Error(Code::too_large, fmt::format("the environment is over {} bytes",
                                               limits::kEnvBytes + limits::kHostEnvExtraBytes));
    env.emplace_back(std::move(name), std::move(value));
  }
  return env;
}

std::vector<std::string> parse_argv(const json::array& list) {
  std::vector<std::string> argv;
  for (const json::value& v : list) argv.push_back(string_entry("argv", v, limits::kCommandBytes));
  if (argv.empty() || argv[0].empty()) refuse("argv", "a command, at least its program");
  return argv;
}

std::vector<ExtraMount> parse_mounts(const json::array& list, InstanceKind kind) {
  std::vector<ExtraMount> mounts;
  for (const json::value& v : list) {
    const auto mount = v.is_string() ? mount_named(v.get_string()) : std::nullopt;
    if (!mount) refuse("mounts", "a list of lifecycle, buildpacks, cache");
    if (std::ranges::find(mounts, *mount) != mounts.end()) refuse("mounts", "free of repetitions");
    if (*mount == ExtraMount::cache && kind != InstanceKind::build)
      refuse("mounts", "without 'cache' unless the kind is build");
    mounts.push_back(*mount);
  }
  return mounts;
}

InstanceKind parse_kind(Fields& f) {
  const auto kind = kind_named(f.text("kind", 16));
  if (!kind) refuse("kind", "app or build");
  return *kind;
}

// Absolute, and free of what makes a path mean another.
bool is_plain_path(std::string_view path) {
  if (!path.starts_with('/')) return false;
  const std::string framed = std::string(path) + "/";
  return framed.find("/../") == std::string::npos && framed.find("/./") == std::string::npos;
}

bool is_hostname(std::string_view name) {
  if (name.size() > 63) return false;
  if (name.starts_with('-') || name.ends_with('-')) return false;
  return std::ranges::all_of(
      name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

Request parse_start(Fields& f) {
  StartInstance r;
  r.guid = f.guid("guid");
  r.app = f.guid("app");
  r.kind = parse_kind(f);
  r.index = f.number_as<std::uint32_t>("index", 0, limits::kInstancesPerProcess);
  r.layers = f.digests("layers", limits::kImageLayers);
  if (r.layers.empty()) refuse("layers", "at least one layer");
  r.argv = parse_argv(f.list("argv", limits::kArgvEntries));
  r.env = parse_env(f.list("env", limits::kEnvEntries + limits::kHostEnvExtraEntries));
  r.cwd = f.text("cwd", limits::kPathBytes);
  if (!is_plain_path(r.cwd)) refuse("cwd", "an absolute path without '.' and '..'");
  r.uid = f.number_as<std::uint32_t>("uid", 1, 65'534);
  r.gid = f.number_as<std::uint32_t>("gid", 1, 65'534);
  r.limits = parse_limits(f.object("limits"));
  r.log_source = parse_log_source(f);
  r.port = f.number_as<std::uint16_t>("port", 0, 65'535);
  r.stop_grace_ms = f.number_as<std::uint32_t>("stop_grace_ms", 0, 3'600'000);
  r.mounts = parse_mounts(f.list("mounts", 3), r.kind);
  r.hostname = f.text("hostname", 63);
  if (!is_hostname(r.hostname)) refuse("hostname", "made of a-z, 0-9 and inner '-', at most 63");
  return r;
}

Request parse_hello(Fields& f) {
  Hello r;
  r.min_version = f.number_as<int>("min_version", 1, 1'000'000);
  r.max_version = f.number_as<int>("max_version", 1, 1'000'000);
  if (r.max_version < r.min_version) refuse("max_version", "at least min_version");
  return r;
}

Request parse_remove(Fields& f) {
  RemoveInstance r;
  r.guid = f.guid("guid");
  r.kill = f.flag("kill");
  return r;
}

Request parse_list_instances(Fields& f) {
  ListInstances r;
  r.after = f.text("after", 36);
  if (!r.after.empty() && !is_guid(r.after)) refuse("after", "a guid or empty");
  return r;
}

Request parse_list_layers(Fields& f) {
  const std::string after = f.text("after", 71);
  if (after.empty()) return ListLayers{};
  const auto digest = Digest::parse(after);
  if (!digest) refuse("after", "a sha256 digest or empty");
  return ListLayers{*digest};
}

struct Verb {
  std::string_view name;
  Request (*parse)(Fields&);
};

constexpr std::array kVerbs{
    Verb{"hello", parse_hello},
    Verb{"start_instance", parse_start},
    Verb{"remove_instance", parse_remove},
    Verb{"list_instances", parse_list_instances},
    Verb{"add_layer", [](Fields& f) { return Request(AddLayer{f.digest("diff_id")}); }},
    Verb{"has_layers",
         [](Fields& f) {
           return Request(HasLayers{f.digests("diff_ids", limits::kHostListEntries)});
         }},
    Verb{"list_layers", parse_list_layers},
    Verb{"remove_layers",
         [](Fields& f) {
           return Request(RemoveLayers{f.digests("diff_ids", limits::kHostListEntries)});
         }},
    Verb{"remove_cache", [](Fields& f) { return Request(RemoveCache{f.guid("app")}); }},
    Verb{"get_stats", [](Fields& f) { return Request(GetStats{f.guid("guid")}); }},
    Verb{"get_capacity", [](Fields&) { return Request(GetCapacity{}); }},
};

constexpr std::uint64_t kMaxId = INT64_MAX;

}  // namespace

RequestMessage parse_request(std::string_view packet) {
  const json::object top = json::parse_object(packet, limits::kHostMessageBytes);
  Fields f(top);
  RequestMessage message;
  message.id = f.number("id", 1, kMaxId);
  const std::string name = f.text("verb", 32);
  const auto verb = std::ranges::find(kVerbs, name, &Verb::name);
  if (verb == kVerbs.end())
    throw Error(Code::bad_request, fmt::format("'{}' is not a request of this host", name));
  message.request = verb->parse(f);
  f.finish();
  return message;
}

std::uint64_t request_id_of(std::string_view packet) {
  try {
    const json::object top = json::parse_object(packet, limits::kHostMessageBytes);
    const std::int64_t id = json::get_int(top, "id");
    return id > 0 ? static_cast<std::uint64_t>(id) : 0;
  } catch (const Error&) {
    return 0;
  }
}

}  // namespace nuri::host
