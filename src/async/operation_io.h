#pragma once

// What the loops on the kernel share: one non-blocking try of an Operation on a descriptor. No
// state.

#include <sys/types.h>

#include <span>

#include "async/operation.h"

namespace nuri::async {

// done with the result set, again: it would block; more: it could go on, but others come first.
enum class Attempt { done, again, more };

// recv(2), or read(2) for what is no socket; errno as those leave it; never EINTR.
ssize_t read_some(int fd, std::span<char> space);
bool is_stream_socket(int fd);
bool is_tcp(int fd);
// A stream socket or pipe: not a datagram socket, terminal, inotify …, whose reads may be short
// although more is there.
bool is_byte_stream(int fd);
// Every kind but recv.
Attempt try_operation(int fd, Operation& operation);

// `n` bytes of a send's parts have gone.
void operation_sent(Operation& operation, std::size_t n);

// For the whole process: SIGPIPE is ignored from now on, SIGCHLD is not.
void prepare_signals();

}  // namespace nuri::async
