#include "net/memory_stream.h"

#include <algorithm>
#include <deque>
#include <string>

#include "async/event.h"

namespace nuri::net {
namespace {

// What one end has sent and the other has not received yet.
struct Pipe {
  explicit Pipe(std::size_t bytes) : limit(bytes) {}
  const std::size_t limit;
  std::string bytes;
  bool ended = false;      // the sender shut down or is gone
  bool abandoned = false;  // the receiver is gone
  bool broken = false;     // the sender went without reading all: a reset, as TCP would send
  async::Event changed;
};

class MemoryStream final : public Stream {
 public:
  MemoryStream(std::size_t piece, std::shared_ptr<Pipe> in, std::shared_ptr<Pipe> out)
      : piece_(piece), in_(std::move(in)), out_(std::move(out)) {}
  ~MemoryStream() override {
    if (!in_->bytes.empty()) out_->broken = true;
    in_->abandoned = true;
    out_->ended = true;
    in_->changed.pulse();
    out_->changed.pulse();
  }

  Task<IoResult<async::Chunk>> recv() override {
    const auto in = in_;
    if (const auto cause = (co_await async::current_scope()).cause())
      co_return std::unexpected(*cause);
    while (in->bytes.empty()) {
      if (in->broken) co_return std::unexpected(IoError::reset);
      if (in->ended) co_return async::Chunk();
      if (auto waited = co_await in->changed.wait(); !waited)
        co_return std::unexpected(waited.error());
    }
    const std::size_t n = std::min(piece_, in->bytes.size());
    auto chunk = async::Chunk::copy_of(std::string_view(in->bytes).substr(0, n));
    in->bytes.erase(0, n);
    in->changed.pulse();
    co_return std::move(chunk);
  }

  Task<IoResult<void>> send(std::string_view bytes) override {
    const auto out = out_;
    if (const auto cause = (co_await async::current_scope()).cause())
      co_return std::unexpected(*cause);
    while (!bytes.empty()) {
      if (out->abandoned || out->ended) co_return std::unexpected(IoError::reset);
      const std::size_t n = std::min(bytes.size(), out->limit - out->bytes.size());
      out->bytes += bytes.substr(0, n);
      bytes.remove_prefix(n);
      if (n > 0) {
        out->changed.pulse();
        continue;
      }
      if (auto waited = co_await out->changed.wait(); !waited)
        co_return std::unexpected(waited.error());
    }
    co_return IoResult<void>{};
  }

  Task<IoResult<void>> send(std::span<iovec> parts) override {
    std::string all;
    for (const iovec& part : parts)
      all.append(static_cast<const char*>(part.iov_base), part.iov_len);
    co_return co_await send(std::string_view(all));
  }

  void shutdown_send() override {
    out_->ended = true;
    out_->changed.pulse();
  }
  bool quiet() const override { return in_->bytes.empty() && !in_->ended; }
  Address peer() const override { return {}; }

 private:
  std::size_t piece_;
  std::shared_ptr<Pipe> in_, out_;
};

}  // namespace

std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> memory_pair(async::Loop&,
                                                                        std::size_t piece,
                                                                        std::size_t limit) {
  NURI_ASSERT(piece > 0 && limit > 0);
  auto there = std::make_shared<Pipe>(limit), back = std::make_shared<Pipe>(limit);
  return {std::make_unique<MemoryStream>(piece, back, there),
          std::make_unique<MemoryStream>(piece, there, back)};
}

}  // namespace nuri::net
