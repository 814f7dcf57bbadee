#pragma once

// Which loop a thread runs on where the kernel leaves a choice.

#include <memory>
#include <optional>
#include <string_view>

#include "async/loop.h"

namespace nuri::async {

enum class LoopKind {
  automatic,  // io_uring where the kernel has it and permits it, else epoll
  io_uring,
  epoll,
};

// "auto", "io_uring" or "epoll"; else nothing.
std::optional<LoopKind> loop_kind_of(std::string_view name);

// On the thread that will run it. Throws Error if the kernel refuses it.
std::unique_ptr<Loop> make_loop(LoopKind kind);

}  // namespace nuri::async
