#include "control/instance_spec.h"

#include <fmt/format.h>

namespace nuri::control {
namespace {

const model::ProcessSettings& settings_of(const SpecRows& rows) {
  for (const auto& settings : rows.revision.processes)
    if (settings.type == rows.process.type) return settings;
  return rows.process;
}

}  // namespace

json::object vcap_application(const SpecRows& rows) {
  json::array uris(rows.uris.begin(), rows.uris.end());
  const model::ProcessSettings& settings = settings_of(rows);
  return json::object{
      {"application_id", rows.app.guid.str()},
      {"application_name", rows.app.name},
      {"application_uris", uris},
      {"application_version", rows.revision.guid.str()},
      {"limits",
       json::object{{"mem", settings.memory_mb}, {"disk", settings.disk_mb}, {"fds", 16384}}},
      {"name", rows.app.name},
      {"organization_id", rows.org.guid.str()},
      {"organization_name", rows.org.name},
      {"process_id", rows.process.guid.str()},
      {"process_type", rows.process.type},
      {"space_id", rows.space.guid.str()},
      {"space_name", rows.space.name},
      {"uris", uris},
      {"version", rows.revision.guid.str()},
  };
}

engine::InstanceSpec instance_spec(const SpecRows& rows) {
  const model::ProcessSettings& settings = settings_of(rows);
  engine::InstanceSpec spec;
  spec.guid = rows.instance.guid;
  spec.app = rows.app.guid;
  spec.deployment = rows.instance.deployment;
  spec.index = rows.instance.index;
  spec.image = rows.droplet.image;
  spec.process_type = settings.type;
  spec.command = settings.command;
  spec.memory_mb = settings.memory_mb;
  spec.disk_mb = settings.disk_mb;
  spec.port = kAppPort;
  spec.stop_grace = std::chrono::seconds(settings.stop_grace_s);

  std::map<std::string, std::string> env(rows.revision.env.begin(), rows.revision.env.end());
  json::object vcap = vcap_application(rows);
  vcap["instance_id"] = rows.instance.guid.str();
  vcap["instance_index"] = rows.instance.index;
  vcap["host"] = "0.0.0.0";
  vcap["port"] = kAppPort;
  env["VCAP_APPLICATION"] = json::serialize(vcap);
  env["VCAP_SERVICES"] = "{}";
  env["PORT"] = env["VCAP_APP_PORT"] = fmt::to_string(kAppPort);
  env["VCAP_APP_HOST"] = "0.0.0.0";
  env["CF_INSTANCE_INDEX"] = env["INSTANCE_INDEX"] = fmt::to_string(rows.instance.index);
  env["CF_INSTANCE_GUID"] = env["INSTANCE_GUID"] = rows.instance.guid.str();
  env["CF_INSTANCE_PORT"] = fmt::to_string(kAppPort);
  env["CF_INSTANCE_IP"] = env["CF_INSTANCE_INTERNAL_IP"] = "127.0.0.1";
  env["CF_INSTANCE_ADDR"] = fmt::format("127.0.0.1:{}", kAppPort);
  env["CF_INSTANCE_PORTS"] = fmt::format(R"([{{"external":{0},"internal":{0}}}])", kAppPort);
  env["MEMORY_LIMIT"] = fmt::format("{}m", settings.memory_mb);
  spec.env.assign(env.begin(), env.end());
  return spec;
}

}  // namespace nuri::control
