#include "simulated_server.h"

namespace nuri::sim {

SimulatedServer::SimulatedServer(Outside outside, std::unique_ptr<FaultyStore> store)
    : store_(std::move(store)),
      pool_(outside.loop, std::chrono::milliseconds(5)),
      live_(*store_, pool_),
      engine_(outside.loop, outside.machine, outside.random),
      log_(outside.logs, pool_, outside.loop),
      routes_(live_, engine_, outside.router),
      reconciler_({outside.loop, live_, engine_, routes_, log_, outside.random}),
      builder_({outside.loop, live_, engine_, log_, outside.random}),
      deleter_(outside.loop, live_, engine_, log_),
      tasks_(outside.loop) {
  tasks_.spawn(engine_.run());
  tasks_.spawn(routes_.run());
  tasks_.spawn(reconciler_.run());
  tasks_.spawn(builder_.run());
  tasks_.spawn(deleter_.run());
}

}  // namespace nuri::sim
