#include "fake_router.h"

#include <algorithm>

namespace nuri::sim {

Task<IoResult<void>> FakeRouter::travel(Duration slowest) {
  const auto bound = static_cast<std::uint64_t>(slowest.count());
  co_return co_await async::sleep(Duration(static_cast<std::int64_t>(random_.below(bound))));
}

Task<IoResult<void>> FakeRouter::publish(model::RouteTable told) {
  if (auto there = co_await travel(20ms); !there) co_return there;
  if (random_.chance(unreachable)) co_return std::unexpected(IoError::refused);
  if (told.routes != table_) {
    table_ = std::move(told.routes);
    for (const auto& entry : table_) {
      std::string to;
      for (const auto& upstream : entry.upstreams) to += " " + upstream.id.substr(0, 8);
      trace_.note("router: {} ->{}", entry.host, to);
    }
  }
  if (auto back = co_await travel(20ms); !back) co_return back;
  co_return IoResult<void>{};
}

Task<IoResult<void>> FakeRouter::drained(std::string) {
  // Some requests take longer than anybody waits.
  co_return co_await travel(random_.chance(5) ? Duration(60s) : Duration(500ms));
}

bool FakeRouter::sends_to(const std::string& instance) const {
  return std::ranges::any_of(table_, [&](const model::RouteEntry& entry) {
    return std::ranges::any_of(entry.upstreams,
                               [&](const model::Upstream& u) { return u.id == instance; });
  });
}

}  // namespace nuri::sim
