#pragma once

// Engine: what runs instances and builds. It speaks of specs and of what it observes, never of
// containers, so that a machine (local/), a cluster and a simulation (fake/) stand behind the same
// controllers.
//
// All members are called on the server's loop. Names are guids given by the caller and every action
// is idempotent by guid, so that a server that died in the middle simply asks again. Operational
// failures throw Error: unavailable (the engine cannot be reached: try again), no_space,
// unprocessable (the spec cannot be run; the message is for the user).

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "async/event.h"
#include "async/task.h"
#include "base/clock.h"
#include "base/digest.h"
#include "model/app.h"
#include "model/guids.h"
#include "model/instance.h"
#include "model/source.h"

namespace nuri::engine {

struct InstanceSpec {
  InstanceGuid guid;
  AppGuid app;
  DeploymentGuid deployment;
  int index = 0;
  Digest image;  // the droplet's OCI manifest; its blobs are in the BlobStore
  std::string process_type = "web";
  std::optional<std::string> command;  // nullopt: the image's own for this process type
  std::vector<std::pair<std::string, std::string>>
      env;  // everything but what the image itself sets
  int memory_mb = 0;
  int disk_mb = 0;
  int port = 0;  // the PORT that the app is told; 0: it serves none
  Duration stop_grace = std::chrono::seconds(10);
};

// What is there, whoever started it.
struct Observed {
  InstanceGuid guid;
  AppGuid app;
  bool build = false;
  // Nullopt: it runs. Set: it ended so, and waits for remove().
  std::optional<model::InstanceExit> exit;
};

struct Stats {
  double cpu = 0;  // cores in use, since the last call for this instance
  std::uint64_t memory_bytes = 0;
  std::uint64_t disk_bytes = 0;
  Duration uptime{};
};

struct Probe {
  model::HealthCheckType type = model::HealthCheckType::port;
  int port = 0;
  std::string endpoint = "/";
  Duration timeout = std::chrono::seconds(1);
};

struct ProbeResult {
  bool healthy = false;
  std::string
      detail;  // why not, for the user: "nothing listens on port 8080; the app listens on 3000"
  std::vector<int> ports;  // that the app listens on, where the engine can tell
};

struct BuildSpec {
  BuildGuid guid;
  AppGuid app;
  std::string app_name;
  Digest package;                       // blob of the package's files (image/package.h)
  std::vector<std::string> buildpacks;  // empty: detect
  std::vector<std::pair<std::string, std::string>> env;
  std::optional<Digest> previous_image;  // whose layers may be reused
  int memory_mb = 0;                     // 0: the platform's
  int disk_mb = 0;
};

struct BuildResult {
  Digest image;
  std::map<std::string, std::string> process_types;  // type → command, as shown to the user
  std::vector<model::UsedBuildpack> buildpacks;
  std::uint64_t size_bytes = 0;
};

class Engine {
 public:
  virtual ~Engine() = default;

  // Returns once the program runs; true at once if the instance is there already.
  virtual Task<void> start(InstanceSpec spec) = 0;
  // Begins the end: SIGTERM, the grace, SIGKILL. The exit comes as a change. Nothing if it is gone.
  virtual Task<void> stop(InstanceGuid guid, Duration grace) = 0;
  // Kills it if it runs, and sweeps what it left. Afterwards observe() does not list it.
  virtual Task<void> remove(InstanceGuid guid) = 0;
  virtual Task<std::vector<Observed>> observe() = 0;
  // Pulsed whenever observe() may have something new.
  virtual async::Event& changed() = 0;

  virtual Task<ProbeResult> probe(InstanceGuid guid, Probe probe) = 0;
  // Nullopt if it is not running.
  virtual Task<std::optional<Stats>> stats(InstanceGuid guid) = 0;
  // What the route table says of it: "door:/run/…/door.sock", or "10.1.2.3:8080".
  virtual std::string upstream(const InstanceGuid& guid, int port) const = 0;

  // Runs a build to its end; its log goes to the app's log as STG. Throws unprocessable with the
  // reason for a build that failed, timeout, cancelled. A build of this guid that was left running
  // is ended first.
  virtual Task<BuildResult> build(BuildSpec spec) = 0;

  // What only this engine keeps may go: the app's build cache; layers of no image in `in_use`.
  virtual Task<void> forget_app(AppGuid app) = 0;
  virtual Task<void> collect(std::set<Digest> images_in_use) = 0;
};

}  // namespace nuri::engine
