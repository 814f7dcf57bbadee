#pragma once

// Carrier: moves a wire's bytes where they are not a plain socket's: TLS, one stream of an HTTP/2
// connection. One task may receive while another sends. `limit`: for all of it, then
// IoError::timed_out. One loop's thread; results are values.

#include <string>
#include <string_view>

#include "async/scope.h"
#include "async/task.h"
#include "base/clock.h"

namespace nuri::router {

class Carrier {
 public:
  virtual ~Carrier() = default;
  // Appends what came to `into`, some kRoom bytes at most; nothing appended: the peer has finished.
  virtual Task<IoResult<void>> receive(std::string& into, Duration limit) = 0;
  // All of `first` and then `second`, which live until the result; `sent` counts also on failure.
  virtual Task<IoResult<void>> send(std::string_view first, std::string_view second,
                                    std::size_t& sent, Duration limit) = 0;
  // Until the peer has taken what was sent, so that it holds up little of what is sent next.
  virtual Task<IoResult<void>> takes_more(Duration limit) = 0;
  // Tells the peer that nothing more comes. Never waits.
  virtual void finish() = 0;
  // The peer shall see that something is missing.
  virtual void break_off() = 0;
  // Whether bytes wait to be received.
  virtual bool bytes_wait() const = 0;
  // From now on cancels `scope` when the peer has finished or is gone, at once if it is; null: not
  // any more.
  virtual void watch(async::Scope* scope) = 0;
  virtual bool hung_up() const = 0;
  // Whether another message can go over it, now that one and its answer are done. Never waits.
  virtual bool reusable() { return false; }

  static constexpr std::size_t kRoom = 32 << 10;
};

}  // namespace nuri::router
