#include "engine/host_protocol.h"

#include "base/json.h"
#include "engine/host_protocol_names.h"

namespace nuri::host {
namespace {

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};

json::array digests(const std::vector<Digest>& list) {
  json::array out;
  for (const Digest& d : list) out.emplace_back(d.str());
  return out;
}

std::string text_or_empty(const Digest& digest) { return digest.empty() ? "" : digest.str(); }

json::object encode_start(const StartInstance& r) {
  json::array env, argv, mounts;
  for (const auto& [name, value] : r.env) env.emplace_back(json::array{name, value});
  for (const std::string& a : r.argv) argv.emplace_back(a);
  for (const ExtraMount m : r.mounts) mounts.emplace_back(name_of(m));
  return {{"guid", r.guid},
          {"app", r.app},
          {"kind", name_of(r.kind)},
          {"index", r.index},
          {"layers", digests(r.layers)},
          {"argv", std::move(argv)},
          {"env", std::move(env)},
          {"cwd", r.cwd},
          {"uid", r.uid},
          {"gid", r.gid},
          {"limits",
           {{"memory_bytes", r.limits.memory_bytes},
            {"disk_bytes", r.limits.disk_bytes},
            {"shm_bytes", r.limits.shm_bytes},
            {"cpu_weight", r.limits.cpu_weight},
            {"cpu_millis", r.limits.cpu_millis},
            {"pids", r.limits.pids}}},
          {"log_source", r.log_source},
          {"port", r.port},
          {"stop_grace_ms", r.stop_grace_ms},
          {"mounts", std::move(mounts)},
          {"hostname", r.hostname}};
}

json::object fields_of(const Request& request) {
  return std::visit(
      Overloaded{
          [](const Hello& r) {
            return json::object{{"min_version", r.min_version}, {"max_version", r.max_version}};
          },
          [](const StartInstance& r) { return encode_start(r); },
          [](const RemoveInstance& r) { return json::object{{"guid", r.guid}, {"kill", r.kill}}; },
          [](const ListInstances& r) { return json::object{{"after", r.after}}; },
          [](const AddLayer& r) { return json::object{{"diff_id", r.diff_id.str()}}; },
          [](const HasLayers& r) { return json::object{{"diff_ids", digests(r.diff_ids)}}; },
          [](const ListLayers& r) { return json::object{{"after", text_or_empty(r.after)}}; },
          [](const RemoveLayers& r) { return json::object{{"diff_ids", digests(r.diff_ids)}}; },
          [](const RemoveCache& r) { return json::object{{"app", r.app}}; },
          [](const GetStats& r) { return json::object{{"guid", r.guid}}; },
          [](const GetCapacity&) { return json::object{}; },
      },
      request);
}

}  // namespace

std::string_view verb_of(const Request& request) {
  return std::visit(Overloaded{
                        [](const Hello&) { return "hello"; },
                        [](const StartInstance&) { return "start_instance"; },
                        [](const RemoveInstance&) { return "remove_instance"; },
                        [](const ListInstances&) { return "list_instances"; },
                        [](const AddLayer&) { return "add_layer"; },
                        [](const HasLayers&) { return "has_layers"; },
                        [](const ListLayers&) { return "list_layers"; },
                        [](const RemoveLayers&) { return "remove_layers"; },
                        [](const RemoveCache&) { return "remove_cache"; },
                        [](const GetStats&) { return "get_stats"; },
                        [](const GetCapacity&) { return "get_capacity"; },
                    },
                    request);
}

std::size_t descriptors_of(const Request& request) {
  if (std::holds_alternative<AddLayer>(request)) return 1;
  const auto* start = std::get_if<StartInstance>(&request);
  return start && start->kind == InstanceKind::build ? 2 : 0;
}

std::string_view instance_of(const Request& request) {
  if (const auto* r = std::get_if<StartInstance>(&request)) return r->guid;
  if (const auto* r = std::get_if<RemoveInstance>(&request)) return r->guid;
  if (const auto* r = std::get_if<GetStats>(&request)) return r->guid;
  return {};
}

std::string encode(const RequestMessage& message) {
  json::object out = fields_of(message.request);
  out["id"] = message.id;
  out["verb"] = verb_of(message.request);
  return json::serialize(out);
}

std::string_view name_of(InstanceKind kind) { return kind == InstanceKind::app ? "app" : "build"; }

std::string_view name_of(ExtraMount mount) {
  switch (mount) {
    case ExtraMount::lifecycle:
      return "lifecycle";
    case ExtraMount::buildpacks:
      return "buildpacks";
    case ExtraMount::cache:
      return "cache";
  }
  return {};
}

std::string_view name_of(InstanceState state) {
  return state == InstanceState::running ? "running" : "exited";
}

std::optional<InstanceKind> kind_named(std::string_view name) {
  for (const auto k : {InstanceKind::app, InstanceKind::build})
    if (name_of(k) == name) return k;
  return std::nullopt;
}

std::optional<ExtraMount> mount_named(std::string_view name) {
  for (const auto m : {ExtraMount::lifecycle, ExtraMount::buildpacks, ExtraMount::cache})
    if (name_of(m) == name) return m;
  return std::nullopt;
}

std::optional<InstanceState> state_named(std::string_view name) {
  for (const auto s : {InstanceState::running, InstanceState::exited})
    if (name_of(s) == name) return s;
  return std::nullopt;
}

}  // namespace nuri::host
