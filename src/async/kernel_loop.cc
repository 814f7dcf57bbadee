#include "async/kernel_loop.h"

#include "async/epoll_loop.h"
#include "async/uring_loop.h"

namespace nuri::async {

std::optional<LoopKind> loop_kind_of(std::string_view name) {
  if (name == "auto") return LoopKind::automatic;
  if (name == "io_uring") return LoopKind::io_uring;
  if (name == "epoll") return LoopKind::epoll;
  return std::nullopt;
}

std::unique_ptr<Loop> make_loop(LoopKind kind) {
  const bool uring =
      kind == LoopKind::automatic ? UringLoop::available() : kind == LoopKind::io_uring;
  if (uring) return std::make_unique<UringLoop>();
  return std::make_unique<EpollLoop>();
}

}  // namespace nuri::async
