#include "api/cf/hold.h"
#include "api/cf/resources.h"
#include "model/job.h"

namespace nuri::api {
namespace {

using model::Job;
using model::JobState;

json::object job_json(const Call& call, const Job& job) {
  json::array errors;
  for (const auto& error : job.errors)
    errors.push_back(
        json::object{{"code", error.code}, {"title", error.title}, {"detail", error.detail}});
  json::array warnings;
  for (const auto& warning : job.warnings) warnings.push_back(json::object{{"detail", warning}});
  json::object links{{"self", call.href("/v3/jobs/" + job.guid.str())}};
  if (!job.resource_guid.empty())
    links[job.resource_type] = call.href("/v3/" + job.resource_type + "s/" + job.resource_guid);
  return {{"guid", job.guid.str()},
          {"created_at", rfc3339(job.created_at)},
          {"updated_at", rfc3339(job.updated_at)},
          {"operation", job.operation},
          {"state", model::to_text(job.state)},
          {"errors", std::move(errors)},
          {"warnings", std::move(warnings)},
          {"links", std::move(links)}};
}

// A job is shown to who asked for it, and to admins.
Task<void> get_job(Call call) {
  const Job job = co_await held(
      call, call.guid<JobGuid>(),
      [user = call.user, guid = call.guid<JobGuid>()](store::Reader& reader) {
        Job found = reader.get(guid);
        if (!user.admin && found.user != user.guid) return reader.get(JobGuid());
        return found;
      },
      [](const Job& seen) {
        return seen.state == JobState::complete || seen.state == JobState::failed;
      });
  co_await call.answer(200, job_json(call, job));
}

}  // namespace

void add_jobs(Routes& routes) { routes.add("GET /v3/jobs/:guid", get_job); }

}  // namespace nuri::api
