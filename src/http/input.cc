#include "http/input.h"

#include <cstring>

namespace nuri::http {

Task<IoResult<void>> Input::receive() {
  NURI_ASSERT(empty());
  chunk_.reset();
  auto chunk = co_await stream_.recv();
  if (!chunk) co_return std::unexpected(chunk.error());
  chunk_ = std::move(*chunk);
  co_return IoResult<void>{};
}

std::optional<std::uint64_t> FramedBody::length() const {
  switch (framing_.kind) {
    case Framing::Kind::none:
      return 0;
    case Framing::Kind::length:
      return framing_.length;
    default:
      return std::nullopt;
  }
}

// Brings the content in `chunk` together at its front; what follows the body goes back.
IoResult<async::Chunk> FramedBody::take_out(async::Chunk chunk) {
  std::size_t used = 0, begin = 0, size = 0;
  while (used < chunk.size() && !parser_.done()) {
    const auto step = parser_.parse(chunk.view().substr(used));
    if (!step) return fail(IoError::malformed);
    used += step->consumed;
    if (step->data.empty()) continue;
    const auto at = static_cast<std::size_t>(step->data.data() - chunk.data());
    if (size == 0)
      begin = at;
    else
      std::memmove(chunk.data() + begin + size, step->data.data(), step->data.size());
    size += step->data.size();
  }
  if (used < chunk.size()) input_.put(async::Chunk::copy_of(chunk.view().substr(used)));
  chunk.consume(begin);
  chunk.truncate(size);
  return chunk;
}

Task<IoResult<async::Chunk>> FramedBody::read() {
  if (error_) co_return std::unexpected(*error_);
  while (!done()) {
    if (input_.empty()) {
      async::DeadlineScope scope(co_await async::current_scope(), idle_);
      if (const auto got = co_await input_.receive().in(scope); !got) co_return fail(got.error());
    }
    if (input_.empty()) {
      if (!parser_.may_end()) co_return fail(IoError::end);
      ended_ = true;
      break;
    }
    auto content = take_out(input_.take());
    if (!content || !content->empty()) co_return std::move(content);
  }
  co_return async::Chunk();
}

}  // namespace nuri::http
