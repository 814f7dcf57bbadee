#include "async/uring_loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cstring>

#include "async/hangup_watch.h"
#include "async/operation_io.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/limits.h"

namespace nuri::async {
namespace {

constexpr std::uint64_t kEventTag = UringRing::kIgnored - 1;
constexpr std::size_t kRingSendBytes = 16 * limits::kKiB;
constexpr std::uint32_t kMostSlots = 1U << 28;

}  // namespace

UringLoop::UringLoop() : turned_(clock_.now()), event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  prepare_signals();
  if (!event_) throw system_error("make an event loop", errno);
  ring_.poll(event_.get(), POLLIN, kEventTag, UringRing::Often::each_time);
}

UringLoop::~UringLoop() {
  NURI_ASSERT(open_ == 0);                            // a Descriptor outlives its loop
  NURI_ASSERT(free_buffers_ == UringRing::kBuffers);  // a Chunk does
}

// Bits: 32 of the generation, 28 of the index, 4 of the errand.
std::uint64_t UringLoop::tag_of(const Slot& slot, Errand errand) {
  return static_cast<std::uint64_t>(slot.generation) << 32 |
         static_cast<std::uint64_t>(slot.index) << 4 | static_cast<std::uint64_t>(errand);
}

UringLoop::Slot& UringLoop::slot_of(SlotId id) {
  NURI_ASSERT(id.index < slots_.size() && slots_[id.index]->generation == id.generation &&
              !slots_[id.index]->closing);
  return *slots_[id.index];
}
const UringLoop::Slot& UringLoop::slot_of(SlotId id) const {
  return const_cast<UringLoop*>(this)->slot_of(id);
}

SlotId UringLoop::adopt(Fd fd) {
  NURI_ASSERT(fd);
  fcntl(fd.get(), F_SETFL, fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
  std::uint32_t index;
  if (free_slots_.empty()) {
    index = static_cast<std::uint32_t>(slots_.size());
    NURI_ASSERT(index < kMostSlots);
    slots_.push_back(std::make_unique<Slot>(index));
  } else {
    index = free_slots_.back();
    free_slots_.pop_back();
  }
  Slot& slot = *slots_[index];
  slot.fd = std::move(fd);
  slot.socket = Socket::unknown;
  slot.hung_up = slot.ended = false;
  slot.single = 0;
  slot.readable = slot.writable = true;  // so that the first call is tried before the ring is asked
  ++open_;
  return {index, slot.generation};
}

void UringLoop::release(SlotId id) {
  Slot& slot = slot_of(id);
  NURI_ASSERT(!slot.reader && !slot.writer && !slot.watch);
  slot.closing = true;
  slot.reader.close();
  slot.writer.close();
  drop_left(slot, left_of(slot).size());
  slot.left_error.reset();
  for (const Errand errand : {Errand::receive, Errand::poll_in, Errand::poll_out, Errand::poll_end})
    withdraw(slot, errand);
  close_if_done(slot);
}

// While something is under way the kernel holds the file: closing then would send no FIN.
void UringLoop::close_if_done(Slot& slot) {
  if (std::ranges::any_of(slot.under_way, [](Way way) { return way != Way::none; })) return;
  slot.fd.reset();
  slot.closing = false;
  if (++slot.generation == 0) slot.generation = 1;
  free_slots_.push_back(slot.index);
  --open_;
}

int UringLoop::native(SlotId id) const { return slot_of(id).fd.get(); }

bool UringLoop::start(Operation& operation) {
  operation.loop = this;
  Slot& slot = slot_of(operation.slot);
  Pending& place = slot.pending(operation);
  NURI_ASSERT(!place);  // one read and one write at a time
  const bool may_try = spend_credit();
  if (may_try && attempt(slot, operation)) return true;
  place.begin(operation);
  if (!may_try) yielded_.push_back(operation);
  return false;
}

void UringLoop::detach(Operation& operation) {
  slot_of(operation.slot).pending(operation).end();
  operation.registered = false;
  operation.line_link.unlink();
}

void UringLoop::forget(Operation& operation) {
  detach(operation);
  if (operation.kind == Operation::Kind::send) abandon_send(slot_of(operation.slot), operation);
}

// The bytes are the caller's, who may free them now.
void UringLoop::abandon_send(Slot& slot, Operation& operation) {
  Way& way = way_of(slot, Errand::send);
  if (way != Way::asked) return;
  if (ring_.take_back(tag_of(slot, Errand::send))) {
    way = Way::none;
    return;
  }
  way = Way::withdrawn;
  operation.done += operation.parts.front().iov_len;  // for all that is known
}

void UringLoop::watch(SlotId id, HangupWatch& watch) {
  Slot& slot = slot_of(id);
  NURI_ASSERT(!slot.watch);
  slot.watch = &watch;
  if (slot.hung_up)
    watch.tell();
  else if (way_of(slot, Errand::receive) != Way::asked)  // which sees the end, too
    ask(slot, Errand::poll_end);
}

void UringLoop::unwatch(SlotId id) { slot_of(id).watch = nullptr; }

// The ring tells only what it was asked for.
bool UringLoop::seen_quiet(SlotId id) const {
  const Slot& slot = slot_of(id);
  return way_of(slot, Errand::receive) == Way::asked && left_of(slot).empty() && !slot.hung_up;
}

void UringLoop::ask(Slot& slot, Errand errand) {
  Way& way = way_of(slot, errand);
  if (way != Way::none) return;  // its completion has the operation tried again
  way = Way::asked;
  const std::uint64_t tag = tag_of(slot, errand);
  if (errand == Errand::receive) {
    // One that stays misses the end of a path socket (liburing's issue 1549).
    slot.stays = stay_in_ring_ && slot.socket == Socket::tcp && slot.single == 0;
    ring_.receive(slot.fd.get(), tag,
                  slot.stays ? UringRing::Often::each_time : UringRing::Often::once);
  } else if (errand == Errand::poll_in)  // stays: who watches a descriptor does so again and again
    ring_.poll(slot.fd.get(), POLLIN | POLLRDHUP, tag, UringRing::Often::each_time);
  else
    ring_.poll(slot.fd.get(), errand == Errand::poll_out ? POLLOUT : POLLRDHUP, tag);
}

void UringLoop::withdraw(Slot& slot, Errand errand) {
  Way& way = way_of(slot, errand);
  if (way != Way::asked) return;
  way = Way::withdrawn;
  ring_.cancel(tag_of(slot, errand));
}

// Whether the ring sends, or has still to complete a send that was given up.
bool UringLoop::attempt_send(Slot& slot, const Operation& operation) {
  Way& way = way_of(slot, Errand::send);
  if (way != Way::none) return true;
  if (!slot.writable || operation.parts.size() != 1 || !is_stream(slot)) return false;
  const iovec& part = operation.parts.front();
  if (part.iov_len > kRingSendBytes) return false;
  way = Way::asked;
  ring_.send(slot.fd.get(), {static_cast<const char*>(part.iov_base), part.iov_len},
             tag_of(slot, Errand::send));
  return true;
}

void UringLoop::sent(Slot& slot, int result) {
  Operation* writer = slot.writer.get();
  if (!writer) return;
  if (result >= 0) {
    operation_sent(*writer, static_cast<std::size_t>(result));
    if (writer->parts.empty()) return ended(*writer);
  } else if (result != -EAGAIN && result != -EINTR) {
    writer->fail(io_error_of(-result));
    return ended(*writer);
  }
  slot.writable = false;
  serve(slot, writer);
}

bool UringLoop::attempt(Slot& slot, Operation& operation) {
  if (operation.line_link.linked()) return false;  // its turn comes
  if (!operation.writes() && take_left(slot, operation)) return true;
  if (operation.kind == Operation::Kind::recv) return attempt_recv(slot, operation);
  if (operation.kind == Operation::Kind::send && attempt_send(slot, operation)) return false;
  const bool writes = operation.writes();
  // Bytes come to one reader at a time, in order: the ring or the call.
  if (!writes && way_of(slot, Errand::receive) != Way::none) {
    withdraw(slot, Errand::receive);
    slot.single = kSingle;
    return false;
  }
  bool& may = writes ? slot.writable : slot.readable;
  if (may) {
    switch (try_operation(slot.fd.get(), operation)) {
      case Attempt::done:
        return true;
      case Attempt::more:
        yielded_.push_back(operation);
        return false;
      case Attempt::again:
        may = false;
    }
  }
  ask(slot, writes ? Errand::poll_out : Errand::poll_in);
  return false;
}

void UringLoop::ended(Operation& operation) {
  detach(operation);
  operation.wake();
}

void UringLoop::serve(Slot& slot, Operation* operation) {
  if (operation && attempt(slot, *operation)) ended(*operation);
}

void UringLoop::hung_up(Slot& slot) {
  slot.hung_up = true;
  if (slot.watch) slot.watch->tell();
}

void UringLoop::completed(const io_uring_cqe& cqe) {
  if (cqe.user_data == kEventTag) {
    std::uint64_t count;
    [[maybe_unused]] const ssize_t drained = ::read(event_.get(), &count, sizeof count);
    if (!(cqe.flags & IORING_CQE_F_MORE))
      ring_.poll(event_.get(), POLLIN, kEventTag, UringRing::Often::each_time);
    return;
  }
  const auto index = static_cast<std::uint32_t>(cqe.user_data >> 4 & (kMostSlots - 1));
  const auto errand = static_cast<Errand>(cqe.user_data & 15);
  // A slot keeps its generation until everything that was asked for it is complete.
  NURI_ASSERT(index < slots_.size() && slots_[index]->generation == cqe.user_data >> 32);
  Slot& slot = *slots_[index];
  const Way before = way_of(slot, errand);
  NURI_ASSERT(before != Way::none);
  if (!(cqe.flags & IORING_CQE_F_MORE)) way_of(slot, errand) = Way::none;
  if (slot.closing) {
    if (cqe.flags & IORING_CQE_F_BUFFER) ring_.provide(cqe.flags >> IORING_CQE_BUFFER_SHIFT);
    return close_if_done(slot);
  }
  if (errand == Errand::receive) return received(slot, cqe);
  if (errand == Errand::send) {
    if (before == Way::asked) return sent(slot, cqe.res);
    return serve(slot, slot.writer.get());
  }
  if (cqe.res > 0 && cqe.res & (POLLRDHUP | POLLHUP | POLLERR)) hung_up(slot);
  if (errand == Errand::poll_end) return;
  Operation* operation = (errand == Errand::poll_in ? slot.reader : slot.writer).get();
  (errand == Errand::poll_in ? slot.readable : slot.writable) = true;
  if (cqe.res < 0 && operation && !operation->line_link.linked()) {
    operation->fail(io_error_of(-cqe.res));
    return ended(*operation);
  }
  serve(slot, operation);
}

void UringLoop::serve_lines() {
  List<Operation, &Operation::line_link> yielded;
  yielded.splice_back(yielded_);
  while (!yielded.empty()) {
    Operation& operation = yielded.pop_front();
    serve(slot_of(operation.slot), &operation);
  }
  serve_buffer_line();
}

void UringLoop::poll(Wait wait) {
  std::optional<Duration> limit = Duration(0);
  if (wait == Wait::yes && !anything_ready() && yielded_.empty()) {
    const Time next = timers_.next();
    limit.reset();
    if (next != kNever) limit = std::max(next - clock_.now(), Duration(0));
  }
  ring_.enter(limit);
  turned_ = clock_.now();
  ring_.completions([this](const io_uring_cqe& cqe) { completed(cqe); });
  // Bytes that were received and not seen yet must not be overtaken by a read of what follows.
  while (ring_.overflown()) {
    ring_.enter(Duration(0));
    ring_.completions([this](const io_uring_cqe& cqe) { completed(cqe); });
  }
}

void UringLoop::turn(Wait wait) {
  // Resuming comes last, so that run() sees the end of its task before the kernel is waited for.
  serve_lines();
  poll(wait);
  while (timers_.fire_one(turned_)) {
  }
  run_posted();
  new_credits();
  resume_ready();
}

void UringLoop::interrupt() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof one);
}

}  // namespace nuri::async
