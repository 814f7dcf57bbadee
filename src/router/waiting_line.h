#pragma once

// WaitingLine: where the requests of one route wait at one worker, first come first served: for a
// free slot, or parked until an instance is there. One loop's thread.

#include <cstddef>
#include <utility>

#include "async/event.h"
#include "async/intrusive.h"
#include "async/task.h"
#include "base/clock.h"

namespace nuri::router {

class WaitingLine {
 public:
  // One who waits, behind all who do, until it is destroyed. The front one tries for what it waits
  // for at each of its turns.
  class Place {
   public:
    Place(WaitingLine& line, Time now);
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    // Returns when it may be worth a try; IoError::timed_out after `limit`.
    Task<IoResult<void>> turn(Duration limit);
    bool front() { return &line_.places_.front() == this; }
    Time since() const { return since_; }

   private:
    friend class WaitingLine;
    WaitingLine& line_;
    const Time since_;
    bool called_ = false;
    async::Event call_;
    async::Link link_;
  };

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  // What they wait for may be there: it is the front one's turn, and when that leaves the next's.
  void call();
  // Since when the front one waits; nobody: kNever.
  Time oldest();

 private:
  std::size_t size_ = 0;
  async::List<Place, &Place::link_> places_;
};

}  // namespace nuri::router
