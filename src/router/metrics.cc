#include "router/metrics.h"

#include "async/deadline.h"
#include "async/event.h"
#include "base/error.h"

namespace nuri::router {
namespace {

constexpr Duration kDeadline = 5s;  // for the workers' answers

// They come as jobs posted to the loop, perhaps after who waits has left.
struct Gathered {
  std::vector<Counted> all;
  async::Event complete;
};

Task<IoResult<void>> complete(std::shared_ptr<Gathered> gathered) {
  co_return co_await gathered->complete.wait();
}

}  // namespace

Task<Counted> Metrics::count() {
  auto gathered = std::make_shared<Gathered>();
  for (auto& worker : workers_)
    worker->count([&loop = loop_, gathered, wanted = workers_.size()](Counted counted) {
      loop.post([gathered, wanted, counted = std::move(counted)]() mutable {
        gathered->all.push_back(std::move(counted));
        if (gathered->all.size() == wanted) gathered->complete.set();
      });
    });
  if (const auto done = co_await async::within(kDeadline, complete(gathered)); !done)
    throw error_of(done.error(), "count what the router's workers did");
  co_return sum_of(gathered->all);
}

Task<void> Metrics::serve(http::Request& request, http::Response& response) {
  if (request.method != "GET" || request.path != "/metrics")
    throw Error(Code::not_found, "there is GET /metrics here, and nothing else");
  std::string text = prometheus_text(co_await count());
  http::Headers headers;
  headers.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  (void)co_await response.send(200, std::move(headers), std::move(text));
}

}  // namespace nuri::router
