#pragma once

// Passage: how content passes through a worker, so that what all its relays hold together stays
// bounded. Large content goes from one socket to another through one space: nothing stays in it
// over a wait. What a receiver does not take at once is held by its relay, less of it the slower
// the receiver is, and little once all relays together hold much. The loop's thread.

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "base/clock.h"
#include "base/limits.h"

namespace nuri::router {

class Passage {
 public:
  // What may stand before the content in the space: a head and the first piece.
  static constexpr std::size_t kBefore = limits::kHeadBytes + limits::kChunkBytes;
  // Good until the next wait: what one relay moves at once, and kBefore.
  std::span<char> space() {
    if (!space_) space_ = std::make_unique_for_overwrite<char[]>(kSpace);
    return {space_.get(), kSpace};
  }

  std::size_t held() const { return held_; }
  // So much is held that each may hold but little.
  bool full() const { return held_ >= kHeld; }
  // What one may hold who would hold `bytes`.
  std::size_t share(std::size_t bytes) const {
    return full() ? std::min(bytes, limits::kChunkBytes) : bytes;
  }

  // What one holder has, counted until it is destroyed.
  class Hold {
   public:
    explicit Hold(Passage& passage) : passage_(passage) {}
    ~Hold() { set(0); }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    void set(std::size_t bytes) { passage_.held_ += bytes - std::exchange(bytes_, bytes); }

   private:
    Passage& passage_;
    std::size_t bytes_ = 0;
  };

  // What a client was promised to be able to send, beyond little, although nobody takes it. Not
  // held until it comes; given to few at a time.
  class Promise {
   public:
    explicit Promise(Passage& passage) : passage_(passage) {}
    ~Promise() { end(); }
    Promise(const Promise&) = delete;
    Promise& operator=(const Promise&) = delete;
    // False: there is no room for it now, or it was made before.
    bool make(std::size_t bytes) {
      if (bytes_ > 0 || passage_.full() || passage_.promised_ + bytes > kPromised) return false;
      passage_.promised_ += bytes_ = bytes;
      return true;
    }
    void end() { passage_.promised_ -= std::exchange(bytes_, 0); }

   private:
    Passage& passage_;
    std::size_t bytes_ = 0;
  };

  // How much one relay moves at once, and what it holds.
  class Pace {
   public:
    explicit Pace(Passage& passage) : passage_(passage), hold_(passage) {}

    std::span<char> space() { return passage_.space(); }
    // How much to ask for. `turn`: of the loop. The more was moved in it, the less the next one
    // moves, with the square: n relays move some (3/4 n)^(1/3) MiB, 5 MiB if they are 200.
    std::size_t bytes(Time turn) const {
      const std::size_t moved = std::max(passage_.moved_in(turn), kTurn);
      const std::size_t part = kBytes * kTurn / moved * kTurn / moved;
      return passage_.share(std::min(bytes_, std::max(part, kLittle)));
    }
    // Who has moved something in this turn leaves the rest of it to others.
    bool turn_is_over(Time turn) const { return passage_.moved_in(turn) >= kTurn; }
    // The receiver took `taken` of `offered`; the rest is held from now on.
    void note(std::size_t offered, std::size_t taken) {
      passage_.moved_ += taken;
      bytes_ = taken == offered ? std::min(bytes_ * 2, kBytes)
                                : std::clamp(taken, limits::kChunkBytes, kBytes);
      hold(offered - taken);
    }
    void hold(std::size_t bytes) { hold_.set(bytes); }

   private:
    Passage& passage_;
    Hold hold_;
    std::size_t bytes_ = kFirst;
  };

 private:
  static constexpr std::size_t kBytes = 256 * limits::kKiB;
  static constexpr std::size_t kSpace = kBefore + kBytes;
  static constexpr std::size_t kFirst = 128 * limits::kKiB;
  static constexpr std::size_t kHeld = 2 * limits::kMiB;
  static constexpr std::size_t kPromised = 3 * limits::kMiB / 2;
  static constexpr std::size_t kTurn = 1 * limits::kMiB;
  static constexpr std::size_t kLittle = 8 * limits::kKiB;

  std::size_t moved_in(Time turn) {
    if (std::exchange(turn_, turn) != turn) moved_ = 0;
    return moved_;
  }

  std::unique_ptr<char[]> space_;
  std::size_t held_ = 0;      // by all
  std::size_t promised_ = 0;  // to all
  Time turn_{};
  std::size_t moved_ = 0;  // in it
};

}  // namespace nuri::router
