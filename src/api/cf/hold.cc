#include "api/cf/hold.h"

#include <algorithm>

namespace nuri::api {

Task<bool> changed(store::Follower& follower, const async::Loop& loop, std::string guid,
                   Time until) {
  while (loop.now() < until) {
    const auto changes = co_await async::within(until - loop.now(), follower.next());
    if (!changes && changes.error() == IoError::timed_out) co_return false;
    if (!changes) throw error_of(changes.error(), "wait for a change");
    if (changes->empty() ||  // anything may have changed
        std::ranges::find(*changes, guid, &store::Change::guid) != changes->end())
      co_return true;
  }
  co_return false;
}

}  // namespace nuri::api
