#include "async/epoll_loop.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <array>
#include <cstring>

#include "async/hangup_watch.h"
#include "async/operation_io.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/limits.h"

namespace nuri::async {
namespace {

constexpr std::uint64_t kEventToken = ~0ULL;
constexpr std::size_t kBuffers = 512;

}  // namespace

EpollLoop::EpollLoop()
    : turned_(clock_.now()),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  prepare_signals();
  if (!epoll_ || !event_) throw system_error("make an event loop", errno);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.u64 = kEventToken;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, event_.get(), &event) != 0)
    throw system_error("watch the loop's own event", errno);
}

EpollLoop::~EpollLoop() {
  NURI_ASSERT(open_ == 0);                               // a Descriptor outlives its loop
  NURI_ASSERT(free_buffers_.size() == buffers_.size());  // a Chunk does
}

EpollLoop::Slot& EpollLoop::slot_of(SlotId id) {
  NURI_ASSERT(id.index < slots_.size() && slots_[id.index]->generation == id.generation);
  return *slots_[id.index];
}
const EpollLoop::Slot& EpollLoop::slot_of(SlotId id) const {
  return const_cast<EpollLoop*>(this)->slot_of(id);
}

SlotId EpollLoop::adopt(Fd fd) {
  NURI_ASSERT(fd);
  fcntl(fd.get(), F_SETFL, fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
  std::uint32_t index;
  if (free_slots_.empty()) {
    index = static_cast<std::uint32_t>(slots_.size());
    slots_.push_back(std::make_unique<Slot>());
  } else {
    index = free_slots_.back();
    free_slots_.pop_back();
  }
  Slot& slot = *slots_[index];
  slot.fd = std::move(fd);
  slot.readable = slot.writable =
      true;  // so that the first call is tried before the kernel is asked
  slot.hung_up = slot.asked = false;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.u64 = static_cast<std::uint64_t>(slot.generation) << 32 | index;
  slot.polled = epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, slot.fd.get(), &event) == 0;
  ++open_;
  return {index, slot.generation};
}

void EpollLoop::release(SlotId id) {
  Slot& slot = slot_of(id);
  NURI_ASSERT(!slot.reader && !slot.writer && !slot.watch);
  if (slot.polled) epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, slot.fd.get(), nullptr);
  slot.fd.reset();
  slot.reader.close();
  slot.writer.close();
  if (++slot.generation == 0) slot.generation = 1;
  free_slots_.push_back(id.index);
  --open_;
}

int EpollLoop::native(SlotId id) const { return slot_of(id).fd.get(); }

bool EpollLoop::start(Operation& operation) {
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

void EpollLoop::forget(Operation& operation) {
  slot_of(operation.slot).pending(operation).end();
  operation.registered = false;
  operation.line_link.unlink();
}

void EpollLoop::watch(SlotId id, HangupWatch& watch) {
  Slot& slot = slot_of(id);
  NURI_ASSERT(!slot.watch);
  slot.watch = &watch;
  if (slot.hung_up) watch.tell();
}

void EpollLoop::unwatch(SlotId id) { slot_of(id).watch = nullptr; }

bool EpollLoop::seen_quiet(SlotId id) const {
  const Slot& slot = slot_of(id);
  return !slot.readable && !slot.hung_up;
}

bool EpollLoop::has_buffer() const { return !free_buffers_.empty() || buffers_.size() < kBuffers; }
bool EpollLoop::short_of_buffers() const {
  return free_buffers_.size() + kBuffers - buffers_.size() < kBuffers / 8;
}

// A short read has drained a byte stream, unless its end is still to be read (epoll(7), "Q9").
bool EpollLoop::drained_by(Slot& slot, std::size_t bytes) {
  if (bytes == limits::kChunkBytes || slot.hung_up || !slot.polled) return false;
  if (!slot.asked) slot.stream = is_byte_stream(slot.fd.get());
  slot.asked = true;
  return slot.stream;
}

bool EpollLoop::attempt_recv(Slot& slot, Operation& operation) {
  if (free_buffers_.empty()) {
    free_buffers_.push_back(static_cast<std::uint32_t>(buffers_.size()));
    buffers_.push_back(std::make_unique_for_overwrite<char[]>(limits::kChunkBytes));
  }
  const std::uint32_t id = free_buffers_.back();
  const ssize_t n = read_some(slot.fd.get(), {buffers_[id].get(), limits::kChunkBytes});
  if (n < 0 && errno == EAGAIN) {
    slot.readable = false;
    return false;
  }
  if (n < 0) {
    operation.fail(io_error_of(errno));
    return true;
  }
  if (n > 0) {
    if (drained_by(slot, static_cast<std::size_t>(n))) slot.readable = false;
    free_buffers_.pop_back();
    operation.chunk = Chunk(*this, buffers_[id].get(), static_cast<std::uint32_t>(n), id);
  }
  return true;
}

bool EpollLoop::attempt(Slot& slot, Operation& operation) {
  if (operation.writes() ? !slot.writable : !slot.readable) return false;
  if (operation.line_link.linked()) return false;  // its turn comes
  if (operation.kind == Operation::Kind::recv) {
    if (buffer_line_.empty() && has_buffer()) return attempt_recv(slot, operation);
    buffer_line_.push_back(operation);
    return false;
  }
  switch (try_operation(slot.fd.get(), operation)) {
    case Attempt::done:
      return true;
    case Attempt::more:
      yielded_.push_back(operation);
      return false;
    case Attempt::again:
      break;
  }
  (operation.writes() ? slot.writable : slot.readable) = false;
  if (slot.polled) return false;
  // A regular file never blocks, so it is none: the kernel had no room to watch it.
  operation.fail(IoError::no_resources);
  return true;
}

void EpollLoop::give_back(std::uint32_t buffer) { free_buffers_.push_back(buffer); }

void EpollLoop::ended(Operation& operation) {
  forget(operation);
  operation.wake();
}

void EpollLoop::serve(Slot& slot) {
  for (Operation* operation : {slot.reader.get(), slot.writer.get()})
    if (operation && attempt(slot, *operation)) ended(*operation);
}

void EpollLoop::serve_lines() {
  List<Operation, &Operation::line_link> yielded;
  yielded.splice_back(yielded_);
  while (!yielded.empty()) {
    Operation& operation = yielded.pop_front();
    if (attempt(slot_of(operation.slot), operation)) ended(operation);
  }
  while (!buffer_line_.empty() && has_buffer()) {
    Operation& operation = buffer_line_.pop_front();
    if (attempt_recv(slot_of(operation.slot), operation)) ended(operation);
  }
}

void EpollLoop::poll(Wait wait) {
  int timeout_ms = 0;
  if (wait == Wait::yes && !anything_ready() && yielded_.empty()) {
    const Time next = timers_.next();
    const Time now = clock_.now();
    if (next == kNever) {
      timeout_ms = -1;
    } else if (next > now) {
      // Rounded up: waking a millisecond late beats spinning until the timer is due.
      timeout_ms =
          static_cast<int>(std::min<std::int64_t>((next - now).count() / 1'000'000 + 1, 3'600'000));
    }
  }
  std::array<epoll_event, 256> events;
  const int n =
      epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout_ms);
  NURI_ASSERT(n >= 0 || errno == EINTR);
  turned_ = clock_.now();
  for (int i = 0; i < n; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.u64 == kEventToken) {
      std::uint64_t count;
      [[maybe_unused]] const ssize_t drained = ::read(event_.get(), &count, sizeof count);
      continue;
    }
    const auto index = static_cast<std::uint32_t>(event.data.u64);
    const auto generation = static_cast<std::uint32_t>(event.data.u64 >> 32);
    Slot& slot = *slots_[index];
    if (slot.generation != generation) continue;
    const bool broken = event.events & (EPOLLERR | EPOLLHUP);
    if (broken || event.events & (EPOLLIN | EPOLLRDHUP)) slot.readable = true;
    if (broken || event.events & EPOLLRDHUP) {
      slot.hung_up = true;
      if (slot.watch) slot.watch->tell();
    }
    if (broken || event.events & EPOLLOUT) slot.writable = true;
    serve(slot);
  }
}

void EpollLoop::turn(Wait wait) {
  // Resuming comes last, so that run() sees the end of its task before the kernel is waited for.
  serve_lines();
  poll(wait);
  while (timers_.fire_one(turned_)) {
  }
  run_posted();
  new_credits();
  resume_ready();
}

void EpollLoop::interrupt() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof one);
}

}  // namespace nuri::async
