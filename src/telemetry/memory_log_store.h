#pragma once

// The LogStore of simulations and tests: same contract, in memory. Thread-safe.

#include <deque>
#include <map>
#include <mutex>

#include "telemetry/log_store.h"

namespace nuri::telemetry {

class MemoryLogStore final : public LogStore {
 public:
  void prepare(std::string_view app) override;
  void append(std::string_view app, const LogLine& line) override;
  std::vector<LogLine> read(std::string_view app, const LogQuery& query) const override;
  LogToken token(std::string_view app) const override;
  void trim(std::string_view app, std::uint64_t max_bytes,
            const std::set<std::string>& live_writers) override;
  void erase(std::string_view app) override;

 private:
  struct Log {
    std::deque<LogLine> lines;  // by ns
    std::uint64_t bytes = 0;
    std::uint64_t written = 0;
  };
  mutable std::mutex mutex_;
  std::map<std::string, Log, std::less<>> logs_;
};

}  // namespace nuri::telemetry
