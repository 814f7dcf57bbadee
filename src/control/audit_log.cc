#include "control/audit_log.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/log.h"
#include "model/app.h"

namespace nuri::control {
namespace {

using model::Event;

// What the line is in Cloud Foundry's words: {0} the app, {1} what was asked for, {2} the type of
// the process, {3} the index of the instance. A deletion has none: the log goes with the app.
constexpr std::pair<std::string_view, std::string_view> kLines[] = {
    {"audit.app.create", "Created app with guid {0}"},
    {"audit.app.update", "Updated app with guid {0} ({1})"},
    {"audit.app.droplet.mapped", "Updated app with guid {0} ({1})"},
    {"audit.app.apply_manifest", "Applied manifest to app with guid {0}"},
    {"audit.app.start", "Starting app with guid {0}"},
    {"audit.app.restart", "Restarted app with guid {0}"},
    {"audit.app.stop", "Stopping app with guid {0}"},
    {"audit.app.process.create", "Added process: \"{2}\""},
    {"audit.app.process.update", "Updating process: \"{2}\""},
    {"audit.app.process.scale", "Scaling process: \"{2}\""},
    {"audit.app.process.terminate_instance", "Terminating process: \"{2}\", index: \"{3}\""},
    {"audit.app.build.create", "Creating build for app with guid {0}"},
    {"audit.app.deployment.create", "Creating deployment for app with guid {0}"},
    {"audit.app.deployment.cancel", "Cancelling deployment for app with guid {0}"},
};

constexpr std::size_t kDataBytes = 1000;  // shown at most

std::vector<Event> told(store::Reader& reader, const std::vector<EventGuid>& guids) {
  auto events =
      reader.all(store::Query<Event>().any(&Event::guid, guids).where(&Event::target_type, "app"));
  std::erase_if(events,
                [&](const Event& event) { return !reader.find(AppGuid(event.target_guid)); });
  return events;
}

}  // namespace

std::string audit_line(const Event& event) {
  for (const auto& [type, words] : kLines) {
    if (type != event.type) continue;
    const json::object data = json::parse_object(event.data);
    const auto* request = json::find_object(data, "request");
    std::string asked = json::serialize(request ? *request : data);
    if (asked.size() > kDataBytes) asked = "…";
    return fmt::format(fmt::runtime(words), event.target_guid, asked,
                       json::get_string(data, "process_type"),
                       json::get_int(data, "process_index"));
  }
  return {};
}

Task<void> AuditLog::run() {
  async::Scope& scope = co_await async::current_scope();
  const auto follower = store_.follow({store::Noun::event});
  for (;;) {
    const auto changes = co_await follower->next();
    if (!changes) co_return;
    std::vector<EventGuid> guids;
    for (const auto& change : *changes) guids.emplace_back(change.guid);
    try {
      for (const Event& event :
           co_await store_.read([guids](store::Reader& reader) { return told(reader, guids); }))
        if (std::string line = audit_line(event); !line.empty())
          co_await log_.write(AppGuid(event.target_guid), std::move(line));
    } catch (const std::exception& error) {
      if (!scope.cancelled()) log_warn("apps' logs lack API lines", {{"error", error.what()}});
    }
  }
}

}  // namespace nuri::control
