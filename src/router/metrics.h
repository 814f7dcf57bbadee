#pragma once

// Metrics: GET /metrics, what all workers have counted, for Prometheus. The main loop's thread.

#include "async/loop.h"
#include "http/service.h"
#include "router/served_table.h"

namespace nuri::router {

class Metrics final : public http::Service {
 public:
  // Both outlive this.
  Metrics(async::Loop& loop, Workers& workers) : loop_(loop), workers_(workers) {}
  Task<void> serve(http::Request& request, http::Response& response) override;

 private:
  Task<Counted> count();

  async::Loop& loop_;
  Workers& workers_;
};

}  // namespace nuri::router
