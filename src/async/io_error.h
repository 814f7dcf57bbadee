#pragma once

// Outcomes of input and output, as values: async/, net/, http/ and the router never throw for them.

#include <expected>
#include <string_view>

#include "base/error.h"

namespace nuri {

enum class IoError {
  end,           // the peer finished where more was due
  reset,         // the connection broke
  refused,       // nobody listens there
  timed_out,     // a deadline passed
  cancelled,     // the scope of the task was cancelled
  unreachable,   // no route, no such path socket
  in_use,        // the address is taken
  denied,        // the kernel's permissions forbid it
  no_resources,  // out of descriptors, buffers or memory
  too_large,     // over a limit
  malformed,     // the peer broke the protocol
  untrusted,     // the peer's certificate
  other,
};

template <class T>
using IoResult = std::expected<T, IoError>;

std::string_view describe(IoError error);
IoError io_error_of(int err);

// For code above http/: the exception that says the same. `doing`: "connect to …".
Error error_of(IoError error, std::string_view doing);

}  // namespace nuri
