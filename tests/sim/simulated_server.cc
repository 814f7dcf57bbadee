#include "simulated_server.h"

namespace nuri::sim {

SimulatedServer::SimulatedServer(const Outside& outside, std::unique_ptr<FaultyStore> store)
    : store_(std::move(store)),
      pool_(outside.loop, std::chrono::milliseconds(5)),
      live_(*store_, pool_),
      fake_engine_(outside.loop, outside.machine, outside.random),
      engine_(
          {fake_engine_, outside.machine, outside.machine_disk, outside.blobs, outside.violated}),
      log_(outside.logs, pool_, outside.loop),
      routes_(live_, engine_, outside.router),
      reconciler_({outside.loop, live_, engine_, routes_, log_, outside.random}),
      builder_({outside.loop, live_, engine_, log_, outside.random}),
      deleter_(outside.loop, live_, engine_, log_),
      audit_log_(live_, log_),
      tokens_(outside.platform.token_key, outside.loop, outside.random),
      logins_(tokens_, outside.loop, outside.random),
      login_limit_(outside.loop),
      collector_(collector_parts(outside)),
      api_({outside.loop, live_, *store_, pool_, engine_, outside.blobs, outside.logs, tokens_,
            logins_, login_limit_, hash_, outside.random, kApiUrl, 80, outside.upload_dir}),
      tasks_(outside.loop) {
  tasks_.spawn(fake_engine_.run());
  tasks_.spawn(routes_.run());
  tasks_.spawn(reconciler_.run());
  tasks_.spawn(builder_.run());
  tasks_.spawn(deleter_.run());
  tasks_.spawn(audit_log_.run());
  tasks_.spawn(collector_.run());
}

control::CollectorParts SimulatedServer::collector_parts(const Outside& outside) {
  control::CollectorParts parts{outside.loop,  live_,        pool_, engine_,
                                outside.blobs, outside.logs, {}};
  parts.logins = &logins_;
  parts.every = outside.collect_every;
  return parts;
}

}  // namespace nuri::sim
