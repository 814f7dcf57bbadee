#pragma once

// Lines that the control plane adds to an app's log, for its developer.

#include <string>

#include "async/blocking_pool.h"
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
  Task<void> erase(AppGuid app);

 private:
  telemetry::LogStore& store_;
  async::BlockingPool& pool_;
  const Clock& clock_;
};

}  // namespace nuri::control
