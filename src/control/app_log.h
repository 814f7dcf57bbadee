#pragma once

// Lines that the control plane adds to an app's log, for its developer.

#include <deque>
#include <map>
#include <string>

#include "async/blocking_pool.h"
#include "async/event.h"
#include "base/clock.h"
#include "model/guids.h"
#include "telemetry/log_store.h"

namespace nuri::control {

class AppLog {
 public:
  AppLog(telemetry::LogStore& store, async::BlockingPool& pool, const Clock& clock)
      : store_(store), pool_(pool), clock_(clock) {}
  // Source "API" unless said otherwise. A line that cannot be written is lost, and said in Nuri's
  // own log.
  Task<void> write(AppGuid app, std::string text, int instance = 0, std::string source = "API");
  // Of an app that is gone: after it a line that comes late is dropped, so that no log is left
  // that nobody would ever erase.
  Task<void> erase(AppGuid app);

 private:
  class Writing;

  telemetry::LogStore& store_;
  async::BlockingPool& pool_;
  const Clock& clock_;
  std::map<AppGuid, int> writing_;  // lines under way
  async::Event written_;
  std::deque<AppGuid> erased_;  // the newest ones
};

}  // namespace nuri::control
