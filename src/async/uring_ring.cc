#include "async/uring_ring.h"

#include <errno.h>
#include <sys/mman.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/limits.h"

namespace nuri::async {
namespace {

constexpr unsigned kSubmissions = 1024;  // handed over early when full
constexpr unsigned kCompletions = 8192;  // beyond, the kernel keeps them
constexpr int kGroup = 0;                // of the provided buffers
constexpr std::size_t kPage = 4096;

int make_ring(io_uring& ring, unsigned submissions, unsigned completions) {
  io_uring_params params{};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                 IORING_SETUP_COOP_TASKRUN | IORING_SETUP_CQSIZE;
  params.cq_entries = completions;
  return io_uring_queue_init_params(submissions, &ring, &params);
}

int register_buffers(io_uring& ring, void* memory, unsigned count) {
  io_uring_buf_reg reg{};
  reg.ring_addr = reinterpret_cast<std::uintptr_t>(memory);
  reg.ring_entries = count;
  reg.bgid = kGroup;
  return io_uring_register_buf_ring(&ring, &reg, 0);
}

void* map(std::size_t bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

bool try_once() {
  io_uring ring{};
  if (make_ring(ring, 8, 16) != 0) return false;
  void* memory = map(kPage);
  const bool works =
      memory && register_buffers(ring, memory, 8) == 0 && (ring.features & IORING_FEAT_EXT_ARG);
  io_uring_queue_exit(&ring);
  if (memory) ::munmap(memory, kPage);
  return works;
}

}  // namespace

bool UringRing::available() {
  static const bool yes = try_once();
  return yes;
}

UringRing::UringRing() {
  constexpr std::size_t kTable = kBuffers * sizeof(io_uring_buf);
  static_assert(kTable % kPage == 0);
  if (const int made = make_ring(ring_, kSubmissions, kCompletions); made != 0)
    throw system_error("make an io_uring", -made);
  mapped_ = kTable + kBuffers * kStride;
  char* memory = static_cast<char*>(map(mapped_));
  const int registered = memory ? register_buffers(ring_, memory, kBuffers) : -ENOMEM;
  if (registered != 0) {
    io_uring_queue_exit(&ring_);
    if (memory) ::munmap(memory, mapped_);
    throw system_error("give an io_uring its receive buffers", -registered);
  }
  provided_ = reinterpret_cast<io_uring_buf_ring*>(memory);
  memory_ = memory + kTable;
  provide_all();
  (void)io_uring_register_ring_fd(&ring_);  // only makes entering cheaper
}

UringRing::~UringRing() {
  // Nothing that writes to the buffers is under way (UringLoop's slots), so they may go.
  io_uring_queue_exit(&ring_);
  ::munmap(provided_, mapped_);
}

void UringRing::provide_all() {
  io_uring_buf_ring_init(provided_);
  for (std::uint32_t id = 0; id < kBuffers; ++id) provide(id);
}

void UringRing::provide(std::uint32_t id) {
  io_uring_buf_ring_add(provided_, buffer(id), static_cast<unsigned>(limits::kChunkBytes),
                        static_cast<unsigned short>(id), io_uring_buf_ring_mask(kBuffers), 0);
  io_uring_buf_ring_advance(provided_, 1);
}

io_uring_sqe& UringRing::entry(std::uint64_t tag) {
  io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
  while (!sqe) {
    submit();
    sqe = io_uring_get_sqe(&ring_);
  }
  io_uring_sqe_set_data64(sqe, tag);
  return *sqe;
}

void UringRing::poll(int fd, unsigned events, std::uint64_t tag, Often often) {
  io_uring_sqe& sqe = entry(tag);
  if (often == Often::once)
    io_uring_prep_poll_add(&sqe, fd, events);
  else
    io_uring_prep_poll_multishot(&sqe, fd, events);
  io_uring_sqe_set_data64(&sqe, tag);
}

void UringRing::receive(int fd, std::uint64_t tag, Often often) {
  io_uring_sqe& sqe = entry(tag);
  if (often == Often::once)
    io_uring_prep_recv(&sqe, fd, nullptr, limits::kChunkBytes, 0);
  else
    io_uring_prep_recv_multishot(&sqe, fd, nullptr, 0, 0);
  // Whoever receives has mostly just sent: looking first saves a call that finds nothing.
  sqe.ioprio |= IORING_RECVSEND_POLL_FIRST;
  sqe.flags |= IOSQE_BUFFER_SELECT;
  sqe.buf_group = kGroup;
  io_uring_sqe_set_data64(&sqe, tag);
}

void UringRing::send(int fd, std::string_view bytes, std::uint64_t tag) {
  io_uring_sqe& sqe = entry(tag);
  io_uring_prep_send(&sqe, fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  io_uring_sqe_set_data64(&sqe, tag);
}

bool UringRing::take_back(std::uint64_t tag) {
  for (unsigned at = ring_.sq.sqe_head; at != ring_.sq.sqe_tail; ++at) {
    io_uring_sqe& sqe = ring_.sq.sqes[at & ring_.sq.ring_mask];
    if (sqe.user_data != tag) continue;
    io_uring_prep_nop(&sqe);
    io_uring_sqe_set_data64(&sqe, kIgnored);
    return true;
  }
  return false;
}

void UringRing::submit() {
  const int handed_over = io_uring_submit(&ring_);
  NURI_ASSERT(handed_over >= 0 || handed_over == -EINTR || handed_over == -EAGAIN ||
              handed_over == -EBUSY);
}

void UringRing::cancel(std::uint64_t tag) {
  io_uring_sqe& sqe = entry(kIgnored);
  io_uring_prep_cancel64(&sqe, tag, 0);
  io_uring_sqe_set_data64(&sqe, kIgnored);
}

void UringRing::enter(std::optional<Duration> limit) {
  int result;
  if (limit && limit->count() <= 0) {
    result = io_uring_submit_and_get_events(&ring_);
  } else {
    __kernel_timespec until{};
    if (limit) {
      until.tv_sec = limit->count() / 1'000'000'000;
      until.tv_nsec = limit->count() % 1'000'000'000;
    }
    io_uring_cqe* first = nullptr;
    result = io_uring_submit_and_wait_timeout(&ring_, &first, 1, limit ? &until : nullptr, nullptr);
  }
  // EAGAIN, EBUSY: short of memory or of completions; what is not handed over yet stays.
  NURI_ASSERT(result >= 0 || result == -ETIME || result == -EINTR || result == -EAGAIN ||
              result == -EBUSY);
}

}  // namespace nuri::async
