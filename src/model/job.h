#pragma once

// A long operation of the API (CAPI v3, Jobs), and the audit trail.

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "model/guids.h"
#include "model/metadata.h"

namespace nuri::model {

enum class JobState { processing, polling, complete, failed };
constexpr auto enum_names(JobState) {
  return std::array<std::string_view, 4>{"PROCESSING", "POLLING", "COMPLETE", "FAILED"};
}

// One of a job's errors: as in an API reply.
struct JobError {
  int code = 0;
  std::string title;
  std::string detail;
  friend bool operator==(const JobError&, const JobError&) = default;
  static constexpr auto fields() {
    return std::tuple{field("code", &JobError::code), field("title", &JobError::title),
                      field("detail", &JobError::detail)};
  }
};
JobError job_error(const Error& error);

struct Job {
  JobGuid guid;
  std::string operation;  // "app.delete", "space.apply_manifest"
  JobState state = JobState::processing;
  std::string resource_type;  // "app"
  std::string resource_guid;
  std::string input;  // what the operation needs to be resumed: its own JSON
  std::string step;   // the last step that is done, the operation's own word
  std::vector<JobError> errors;
  std::vector<std::string> warnings;
  UserGuid user;
  WallTime created_at, updated_at;
  friend bool operator==(const Job&, const Job&) = default;
  static constexpr auto fields() {
    return std::tuple{field("guid", &Job::guid),
                      field("operation", &Job::operation),
                      field("state", &Job::state),
                      field("resource_type", &Job::resource_type),
                      field("resource_guid", &Job::resource_guid),
                      field("input", &Job::input),
                      field("step", &Job::step),
                      field("errors", &Job::errors),
                      field("warnings", &Job::warnings),
                      field("user_guid", &Job::user),
                      field("created_at", &Job::created_at),
                      field("updated_at", &Job::updated_at)};
  }
};

// An audit event. Its guids are plain text: it outlives what it is about.
struct Event {
  EventGuid guid;
  std::string type;  // "audit.app.create"
  std::string actor_guid, actor_type, actor_name;
  std::string target_guid, target_type, target_name;
  std::string space_guid, org_guid;
  std::string data = "{}";  // JSON object
  WallTime created_at, updated_at;
  friend bool operator==(const Event&, const Event&) = default;
  static constexpr auto fields() {
    return std::tuple{field("guid", &Event::guid),
                      field("type", &Event::type),
                      field("actor_guid", &Event::actor_guid),
                      field("actor_type", &Event::actor_type),
                      field("actor_name", &Event::actor_name),
                      field("target_guid", &Event::target_guid),
                      field("target_type", &Event::target_type),
                      field("target_name", &Event::target_name),
                      field("space_guid", &Event::space_guid),
                      field("org_guid", &Event::org_guid),
                      field("data", &Event::data),
                      field("created_at", &Event::created_at),
                      field("updated_at", &Event::updated_at)};
  }
};

}  // namespace nuri::model
