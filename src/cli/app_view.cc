#include "cli/app_view.h"

#include <fmt/format.h>

#include <ctime>

#include "async/deadline.h"
#include "cli/table.h"

namespace nuri::cli {
namespace {

constexpr std::int64_t kMiB = 1 << 20;
constexpr Duration kStatsPause = 100ms;
constexpr Duration kStartDeadline = 5min;

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

std::size_t running_in(const json::array& instances) {
  std::size_t running = 0;
  for (const json::value& one : instances) running += text_at(one, "/state") == "running";
  return running;
}

Task<json::object> process_document(Api& api, std::string guid) {
  const json::value process = co_await api.get("/v3/processes/" + guid);
  const json::value stats = co_await api.get("/v3/processes/" + guid + "/stats");
  json::array instances = instances_of(stats);
  const auto running = running_in(instances);
  json::object out;
  out["type"] = text_at(process, "/type");
  out["command"] = text_at(process, "/command");
  out["instances"] = number_at(process, "/instances");
  out["running_instances"] = running;
  out["memory_in_mb"] = number_at(process, "/memory_in_mb");
  out["disk_in_mb"] = number_at(process, "/disk_in_mb");
  out["health_check_type"] = text_at(process, "/health_check/type");
  out["instance_details"] = std::move(instances);
  co_return out;
}

// Empty for an app that was never built.
Task<json::value> current_droplet(Api& api, std::string app_guid) {
  json::value droplet;
  try {
    droplet = co_await api.get("/v3/apps/" + app_guid + "/droplets/current");
  } catch (const Error& error) {
    if (error.code() != Code::not_found) throw;
  }
  co_return droplet;
}

std::string joined(const json::array& texts) {
  std::string out;
  for (const json::value& one : texts) {
    if (!out.empty()) out += ", ";
    out += text_at(one, "");
  }
  return out;
}

std::string styled_state(const Terminal& terminal, const std::string& state) {
  if (state == "running") return terminal.good(state);
  if (state == "crashed" || state == "down") return terminal.bad(state);
  return state;
}

std::string show_instances(const Terminal& terminal, const json::value& process) {
  Table table({"", "state", "since", "cpu", "memory", "disk", "details"});
  for (const json::value& one : array_at(process, "/instance_details"))
    table.add(
        {fmt::format("#{}", number_at(one, "/index")),
         styled_state(terminal, text_at(one, "/state")), text_at(one, "/since"),
         fmt::format("{:.1f}%", real_at(one, "/cpu_percent")),
         fmt::format("{} of {}",
                     show_bytes(static_cast<std::uint64_t>(number_at(one, "/memory_bytes"))),
                     show_bytes(static_cast<std::uint64_t>(number_at(one, "/memory_quota_bytes")))),
         fmt::format("{} of {}",
                     show_bytes(static_cast<std::uint64_t>(number_at(one, "/disk_bytes"))),
                     show_bytes(static_cast<std::uint64_t>(number_at(one, "/disk_quota_bytes")))),
         text_at(one, "/details")});
  return table.str();
}

// Whether waiting can end; throws when nothing can come any more.
bool has_started(const json::array& instances, std::string_view type) {
  if (instances.empty() || running_in(instances) > 0) return true;
  for (const json::value& one : instances)
    if (text_at(one, "/state") != "crashed") return false;
  const std::string details = text_at(instances[0], "/details");
  throw Error(Code::unprocessable, fmt::format("process {}: all instances crashed{}{}", type,
                                               details.empty() ? "" : ": ", details));
}

}  // namespace

json::array instances_of(const json::value& stats) {
  json::array out;
  for (const json::value& one : array_at(stats, "/resources")) {
    const std::int64_t uptime = number_at(one, "/uptime");
    WallTime now{std::time(nullptr) * 1'000'000'000L};
    out.push_back(json::object{{"index", number_at(one, "/index")},
                               {"state", lower(text_at(one, "/state"))},
                               {"since", rfc3339(now + std::chrono::seconds(-uptime))},
                               {"uptime_seconds", uptime},
                               {"cpu_percent", real_at(one, "/usage/cpu") * 100},
                               {"memory_bytes", number_at(one, "/usage/mem")},
                               {"memory_quota_bytes", number_at(one, "/mem_quota")},
                               {"disk_bytes", number_at(one, "/usage/disk")},
                               {"disk_quota_bytes", number_at(one, "/disk_quota")},
                               {"listening_ports", array_at(one, "/listening_ports")},
                               {"details", text_at(one, "/details")}});
  }
  return out;
}

std::string show_processes(const json::array& processes) {
  std::string out;
  for (const json::value& one : processes) {
    if (!out.empty()) out += ", ";
    out += fmt::format("{}:{}/{}", text_at(one, "/type"), number_at(one, "/running_instances"),
                       number_at(one, "/instances"));
  }
  return out;
}

Task<json::object> app_document(Api& api, json::value app) {
  const std::string guid = text_at(app, "/guid");
  const std::string base = "/v3/apps/" + guid;
  json::object out;
  out["name"] = text_at(app, "/name");
  out["guid"] = guid;
  out["state"] = lower(text_at(app, "/state"));
  json::array routes;
  for (const json::value& route : co_await api.list(base + "/routes"))
    routes.push_back(json::value(co_await api.address_of(text_at(route, "/url"))));
  out["routes"] = std::move(routes);
  const json::value droplet = co_await current_droplet(api, guid);
  out["last_uploaded"] = text_at(droplet, "/created_at");
  out["stack"] = text_at(droplet, "/stack");
  json::array buildpacks;
  for (const json::value& one : array_at(droplet, "/buildpacks")) {
    const std::string version = text_at(one, "/version");
    buildpacks.push_back(
        json::value(text_at(one, "/name") + (version.empty() ? "" : " ") + version));
  }
  out["buildpacks"] = std::move(buildpacks);
  json::array processes;
  for (const json::value& process : co_await api.list(base + "/processes"))
    processes.push_back(co_await process_document(api, text_at(process, "/guid")));
  out["processes"] = std::move(processes);
  co_return out;
}

std::string show_app(const Terminal& terminal, const json::object& document) {
  const json::value top(document);
  Table head;
  head.add({"name:", terminal.name(text_at(top, "/name"))});
  head.add({"requested state:", text_at(top, "/state")});
  head.add({"routes:", terminal.name(joined(array_at(top, "/routes")))});
  head.add({"last uploaded:", show_api_time(text_at(top, "/last_uploaded"))});
  head.add({"stack:", text_at(top, "/stack")});
  head.add({"buildpacks:", joined(array_at(top, "/buildpacks"))});
  std::string out = head.str();
  for (const json::value& process : array_at(top, "/processes")) {
    Table table;
    table.add({"type:", terminal.name(text_at(process, "/type"))});
    table.add({"instances:", fmt::format("{}/{}", number_at(process, "/running_instances"),
                                         number_at(process, "/instances"))});
    table.add({"memory usage:",
               show_bytes(static_cast<std::uint64_t>(number_at(process, "/memory_in_mb") * kMiB))});
    if (const std::string command = text_at(process, "/command"); !command.empty())
      table.add({"start command:", command});
    out += "\n" + table.str();
    if (array_at(process, "/instance_details").empty())
      out += "There are no running instances of this process.\n";
    else
      out += show_instances(terminal, process);
  }
  return out;
}

Task<void> until_running(Api& api, std::string app_guid) {
  async::Loop& loop = (co_await async::current_scope()).loop();
  const Time end = loop.now() + kStartDeadline;
  for (const json::value& process : co_await api.list("/v3/apps/" + app_guid + "/processes")) {
    const std::string stats = "/v3/processes/" + text_at(process, "/guid") + "/stats";
    while (!has_started(instances_of(co_await api.get(stats)), text_at(process, "/type"))) {
      if (loop.now() >= end)
        throw Error(Code::timeout, "the app is not up after five minutes; see its log");
      if (auto slept = co_await async::sleep(kStatsPause); !slept)
        throw error_of(slept.error(), "wait for the app to start");
    }
  }
}

}  // namespace nuri::cli
