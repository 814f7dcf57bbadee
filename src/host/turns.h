#pragma once

// Turns: what is asked of one name is carried out one after another, in the order of asking. One
// loop's thread.

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "async/event.h"
#include "async/task.h"

namespace nuri::host {

class Turns {
  struct Line {
    std::uint64_t next = 0;
    std::uint64_t serving = 0;
    async::Event moved;
  };

 public:
  // A place in the line of one name; leaving it (destruction) lets the next one go. An empty name
  // has no line.
  class Turn {
   public:
    Turn(Turns& turns, std::string name) : turns_(turns), name_(std::move(name)) {
      if (name_.empty()) return;
      auto& line = turns_.lines_[name_];
      if (!line) line = std::make_shared<Line>();
      line_ = line;
      number_ = line_->next++;
    }
    ~Turn() {
      if (!line_) return;
      NURI_ASSERT(line_->serving == number_ || !came_);
      leave();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    // IoError::cancelled when the scope was.
    Task<IoResult<void>> comes() {
      while (line_ && line_->serving != number_)
        if (auto waited = co_await line_->moved.wait(); !waited)
          co_return std::unexpected(waited.error());
      came_ = true;
      co_return IoResult<void>{};
    }

   private:
    void leave() {
      if (!came_) return;  // cancelled while waiting: only when everything ends
      ++line_->serving;
      line_->moved.pulse();
      if (line_->serving == line_->next) turns_.lines_.erase(name_);
    }
    Turns& turns_;
    std::string name_;
    std::shared_ptr<Line> line_;
    std::uint64_t number_ = 0;
    bool came_ = false;
  };

 private:
  std::map<std::string, std::shared_ptr<Line>> lines_;
};

}  // namespace nuri::host
