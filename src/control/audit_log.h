#pragma once

// AuditLog: what people did to an app, in the app's own log, as Cloud Foundry shows it:
//   [API/0] OUT Stopping app with guid …
// It follows the audit trail, so a line is written only once what it tells of is committed, and
// whoever writes an audit event has its line. A line is lost if the server ends in between; the
// event is not.

#include <string>
#include <vector>

#include "control/app_log.h"
#include "model/job.h"
#include "store/live_store.h"

namespace nuri::control {

class AuditLog {
 public:
  AuditLog(store::LiveStore& store, AppLog& log) : store_(store), log_(log) {}
  // Until cancelled.
  Task<void> run();

 private:
  store::LiveStore& store_;
  AppLog& log_;
};

// The line for `event`; empty for what is not told in an app's log. Pure.
std::string audit_line(const model::Event& event);

}  // namespace nuri::control
