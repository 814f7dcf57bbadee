// UringLoop's receives: what the ring brings, who gets it, and what nobody has asked for yet.

#include <errno.h>

#include <algorithm>
#include <cstring>

#include "async/operation_io.h"
#include "async/uring_loop.h"
#include "base/limits.h"

namespace nuri::async {
namespace {

// Unread bytes of one slot and of all together, beyond which the ring receives no more of them by
// itself. What it has received by then is at most what its buffers hold.
constexpr std::size_t kUnreadOfOne = 2 * limits::kChunkBytes;
constexpr std::size_t kUnreadOfAll = 2 * limits::kMiB;

}  // namespace

UringLoop::Socket UringLoop::socket_of(Slot& slot) {
  if (slot.socket == Socket::unknown)
    slot.socket = !is_stream_socket(slot.fd.get()) ? Socket::other
                  : is_tcp(slot.fd.get())          ? Socket::tcp
                                                   : Socket::stream;
  return slot.socket;
}

std::string_view UringLoop::left_of(const Slot& slot) {
  return std::string_view(slot.left).substr(slot.left_at);
}

void UringLoop::leave(Slot& slot, std::string_view bytes) {
  slot.left.append(bytes);
  unread_ += bytes.size();
  if (left_of(slot).size() > kUnreadOfOne) withdraw(slot, Errand::receive);
  if (unread_ > kUnreadOfAll && stay_in_ring_) stop_receives();
}

void UringLoop::drop_left(Slot& slot, std::size_t n) {
  slot.left_at += n;
  unread_ -= n;
  if (slot.left_at == slot.left.size()) {
    std::string().swap(slot.left);
    slot.left_at = 0;
  }
  if (unread_ < kUnreadOfAll / 2) stay_in_ring_ = true;
}

std::size_t UringLoop::take_held(SlotId id, std::span<char> into) {
  Slot& slot = slot_of(id);
  const std::size_t n = left_of(slot).copy(into.data(), into.size());
  drop_left(slot, n);
  return n;
}

// From now on a receive is asked for when somebody reads, and brings one buffer at most.
void UringLoop::stop_receives() {
  stay_in_ring_ = false;
  for (const auto& slot : slots_) withdraw(*slot, Errand::receive);
}

bool UringLoop::take_left(Slot& slot, Operation& operation) {
  const std::string_view left = left_of(slot);
  if (left.empty() && !slot.left_error && !slot.ended) return false;
  // A call would not see the error any more: who waits to make one is told.
  if (operation.kind == Operation::Kind::readable && !(left.empty() && slot.left_error))
    return true;
  if (left.empty()) {
    if (slot.left_error) operation.fail(io_error_of(*std::exchange(slot.left_error, std::nullopt)));
    return true;
  }
  if (operation.kind == Operation::Kind::recv) {
    operation.chunk = Chunk::copy_of(left.substr(0, limits::kChunkBytes));
    operation.done = operation.chunk.size();
  } else {
    operation.done = left.copy(operation.space.data(), operation.space.size());
  }
  drop_left(slot, operation.done);
  return true;
}

// What is no stream socket (a pipe, a file, a terminal, datagrams) has no receive in the ring.
bool UringLoop::read_and_copy(Slot& slot, Operation& operation) {
  if (!slot.readable) {
    ask(slot, Errand::poll_in);
    return false;
  }
  std::array<char, limits::kChunkBytes> space;
  const ssize_t n = read_some(slot.fd.get(), space);
  if (n < 0 && errno == EAGAIN) {
    slot.readable = false;
    ask(slot, Errand::poll_in);
    return false;
  }
  if (n < 0)
    operation.fail(io_error_of(errno));
  else
    operation.chunk = Chunk::copy_of({space.data(), static_cast<std::size_t>(n)});
  return true;
}

bool UringLoop::attempt_recv(Slot& slot, Operation& operation) {
  if (!is_stream(slot)) return read_and_copy(slot, operation);
  if (buffer_line_.empty() && free_buffers_ > 0)
    ask(slot, Errand::receive);
  else
    buffer_line_.push_back(operation);
  return false;
}

void UringLoop::give_back(std::uint32_t buffer) {
  ++free_buffers_;
  if (buffer_line_.empty())
    ring_.provide(buffer);
  else
    spare_buffers_.push_back(buffer);
}

void UringLoop::received(Slot& slot, const io_uring_cqe& cqe) {
  Operation* reader = slot.reader.get();
  const bool wanted =
      reader && reader->kind == Operation::Kind::recv && !reader->line_link.linked();
  if (cqe.flags & IORING_CQE_F_BUFFER) {
    const std::uint32_t id = cqe.flags >> IORING_CQE_BUFFER_SHIFT;
    --free_buffers_;
    if (cqe.res == static_cast<int>(limits::kChunkBytes)) {
      slot.single = kSingle;
      withdraw(slot, Errand::receive);
    } else if (slot.single > 0) {
      --slot.single;
    }
    Chunk chunk(*this, ring_.buffer(id), static_cast<std::uint32_t>(std::max(cqe.res, 0)), id);
    if (wanted && cqe.res > 0 && left_of(slot).empty()) {
      reader->chunk = std::move(chunk);
      return ended(*reader);
    }
    leave(slot, chunk.view());
  }
  switch (cqe.res) {
    case 0:
      slot.ended = true;
      hung_up(slot);
      break;
    case -ENOBUFS:
      if (wanted) buffer_line_.push_back(*reader);
      break;
    case -ECANCELED:
    case -EINTR:
    case -EAGAIN:
      break;
    default:
      if (cqe.res >= 0) break;
      slot.left_error = -cqe.res;
      hung_up(slot);
  }
  if (slot.watch && !slot.hung_up && way_of(slot, Errand::receive) == Way::none)
    ask(slot, Errand::poll_end);
  serve(slot, reader);
}

void UringLoop::read_into_spare(Operation& operation) {
  Slot& slot = slot_of(operation.slot);
  if (take_left(slot, operation)) return ended(operation);
  const std::uint32_t id = spare_buffers_.back();
  const ssize_t n = read_some(slot.fd.get(), {ring_.buffer(id), limits::kChunkBytes});
  if (n < 0 && errno == EAGAIN) return ask(slot, Errand::receive);
  if (n < 0) operation.fail(io_error_of(errno));
  if (n > 0) {
    spare_buffers_.pop_back();
    --free_buffers_;
    operation.chunk = Chunk(*this, ring_.buffer(id), static_cast<std::uint32_t>(n), id);
  }
  ended(operation);
}

void UringLoop::serve_buffer_line() {
  // The kernel has buffers although somebody waits for one if they came back while the completion
  // that missed them was on its way.
  std::size_t with_kernel = free_buffers_ - spare_buffers_.size();
  while (!buffer_line_.empty() && (with_kernel > 0 || !spare_buffers_.empty())) {
    Operation& operation = buffer_line_.pop_front();
    if (!spare_buffers_.empty()) {
      read_into_spare(operation);
      continue;
    }
    --with_kernel;
    ask(slot_of(operation.slot), Errand::receive);
  }
  if (!buffer_line_.empty()) return;
  for (const std::uint32_t id : spare_buffers_) ring_.provide(id);
  spare_buffers_.clear();
}

}  // namespace nuri::async
