#pragma once

// Chunk: bytes that a receive brought, in a buffer that the loop lends. Give it back soon (destroy
// it): the loop has few, and a chunk held for a slow peer starves others. Loop's thread only; must
// not outlive the loop.

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
  ~Chunk() { reset(); }
  Chunk(Chunk&& other) noexcept { *this = std::move(other); }
  Chunk& operator=(Chunk&& other) noexcept {
    if (this != &other) {
      reset();
      loop_ = std::exchange(other.loop_, nullptr);
      buffer_ = other.buffer_;
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
  // Gives the buffer back.
  void reset();

 private:
  Loop* loop_ = nullptr;
  char* buffer_ = nullptr;
  std::uint32_t begin_ = 0;
  std::uint32_t end_ = 0;
  std::uint32_t id_ = 0;
};

}  // namespace nuri::async
