#pragma once

// Chunk: bytes that a receive brought, in a buffer that the loop lends. Give it back soon (destroy
// it): the loop has few, and a chunk held for a slow peer starves others. Loop's thread only; must
// not outlive the loop. A chunk can also own its bytes (copy_of): that one may be kept.

#include <cstdint>
#include <string_view>
#include <utility>

namespace nuri::async {

class Loop;

class Chunk {
 public:
  Chunk() = default;
  Chunk(Loop& loop, char* buffer, std::uint32_t size, std::uint32_t id)
      : loop_(&loop), buffer_(buffer), end_(size), id_(id) {}
  // Owns a copy of `bytes` (under 4 GiB) and belongs to no loop.
  static Chunk copy_of(std::string_view bytes);
  ~Chunk() { reset(); }
  Chunk(Chunk&& other) noexcept { *this = std::move(other); }
  Chunk& operator=(Chunk&& other) noexcept {
    if (this != &other) {
      reset();
      loop_ = std::exchange(other.loop_, nullptr);
      buffer_ = other.buffer_;
      owned_ = std::exchange(other.owned_, false);
      begin_ = std::exchange(other.begin_, 0);
      end_ = std::exchange(other.end_, 0);
      id_ = other.id_;
    }
    return *this;
  }

  bool empty() const { return begin_ == end_; }
  std::size_t size() const { return end_ - begin_; }
  char* data() const { return buffer_ + begin_; }
  std::string_view view() const { return {buffer_ + begin_, end_ - begin_}; }
  // Drops the first n bytes; n <= size().
  void consume(std::size_t n) { begin_ += static_cast<std::uint32_t>(n); }
  // Keeps the first n bytes; n <= size().
  void truncate(std::size_t n) { end_ = begin_ + static_cast<std::uint32_t>(n); }
  // Whether the bytes are in a buffer of the loop.
  bool lent() const { return loop_ != nullptr; }
  // Gives the buffer back.
  void reset() {
    if (loop_ || owned_) give_back();
    begin_ = end_ = 0;
  }

 private:
  void give_back();

  Loop* loop_ = nullptr;
  char* buffer_ = nullptr;
  std::uint32_t begin_ = 0;
  std::uint32_t end_ = 0;
  std::uint32_t id_ = 0;
  bool owned_ = false;  // buffer_ is on the heap and this chunk's own
};

}  // namespace nuri::async
