#pragma once

// Access lines into the apps' logs (source RTR), one writer per app and worker. One loop's thread.

#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "telemetry/log_segment.h"

namespace nuri::router {

struct Access {
  std::string_view host, method, target, version, referer, user_agent, client, proto, request_id;
  std::string_view backend, instance;  // the instance's address and guid
  WallTime began{};
  int status = 0;
  std::uint64_t received_bytes = 0, sent_bytes = 0;
  Duration took{};
  Duration router_took{};       // of that, not spent on instances
  int index = 0;                // of the instance
  std::string_view error = {};  // of the router's own making
};

// Cloud Foundry's access line (docs.cloudfoundry.org, "Gorouter Access Logs").
std::string access_line(const Access& access, std::string_view app);

class AccessLog {
 public:
  // Segments go to `directory`/APP/router-WORKER.SEQ. Empty: no log.
  AccessLog(std::string directory, std::size_t worker)
      : directory_(std::move(directory)), worker_(worker) {}
  void write(std::string_view app, const Access& access, WallTime wall, Time now);
  // Writes counts of dropped lines; call it about once a second.
  void tick(WallTime wall, Time now);

 private:
  struct Writer {
    std::string app;
    std::unique_ptr<telemetry::LogSegmentWriter> log;
  };
  telemetry::LogSegmentWriter& writer_of(std::string_view app);

  std::string directory_;
  std::size_t worker_;
  std::list<Writer> writers_;  // latest used first; bounded, for open files
  std::map<std::string, std::list<Writer>::iterator, std::less<>> by_app_;
};

}  // namespace nuri::router
