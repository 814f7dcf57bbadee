#include "api/cf/done_job.h"

namespace nuri::api {

model::Job insert_done_job(store::Writer& tx, const Act& act, std::string_view operation,
                           std::string_view resource_type, const std::string& resource_guid,
                           std::vector<std::string> warnings) {
  auto job = made<model::Job>(act);
  job.operation = std::string(operation);
  job.state = model::JobState::complete;
  job.resource_type = std::string(resource_type);
  job.resource_guid = resource_guid;
  job.warnings = std::move(warnings);
  job.user = act.user.guid;
  tx.insert(job);
  return job;
}

}  // namespace nuri::api
