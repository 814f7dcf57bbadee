#pragma once

// Answers that are held: a GET of something that is still under way waits for its end instead of
// making its client ask again and again.

#include <string>

#include "api/cf/call.h"
#include "async/deadline.h"
#include "base/limits.h"
#include "http/or_throw.h"
#include "store/live_store.h"

namespace nuri::api {

// Waits until one of `follower`'s changes is of the row `guid`, at most until `until`. False: the
// time is up.
Task<bool> changed(store::Follower& follower, const async::Loop& loop, std::string guid,
                   Time until);

// What `read` returns, once `ended(value)` holds or limits::kHeldAnswer is over; at once with
// ?wait=false. `read` is a body for LiveStore::read and runs again after each change of the row.
template <class T, class Read, class Ended>
auto held(Call& call, Guid<T> guid, Read read, Ended ended)
    -> Task<std::invoke_result_t<Read, store::Reader&>> {
  const async::Loop& loop = call.parts.loop;
  const Time until = loop.now() + limits::kHeldAnswer;
  const bool wait = call.request.parameter("wait") != "false";
  const auto follower = call.parts.store.follow({model::kNoun<T>});
  for (;;) {
    auto value = co_await call.parts.store.read(read);
    if (!wait || ended(value) || !co_await changed(*follower, loop, guid.str(), until))
      co_return value;
  }
}

}  // namespace nuri::api
