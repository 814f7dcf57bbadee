#include "async/io_error.h"

#include <fmt/format.h>

#include <cerrno>

namespace nuri {

std::string_view describe(IoError error) {
  switch (error) {
    case IoError::end:
      return "the connection ended early";
    case IoError::reset:
      return "the connection broke";
    case IoError::refused:
      return "connection refused";
    case IoError::timed_out:
      return "timed out";
    case IoError::cancelled:
      return "cancelled";
    case IoError::unreachable:
      return "unreachable";
    case IoError::in_use:
      return "the address is in use";
    case IoError::denied:
      return "permission denied";
    case IoError::no_resources:
      return "out of descriptors or buffers";
    case IoError::too_large:
      return "over the limit";
    case IoError::malformed:
      return "the peer broke the protocol";
    case IoError::untrusted:
      return "the peer's certificate is not trusted";
    case IoError::other:
      return "input/output error";
  }
  return "input/output error";
}

IoError io_error_of(int err) {
  switch (err) {
    case ECONNRESET:
    case EPIPE:
    case ECONNABORTED:
    case ENOTCONN:
      return IoError::reset;
    case ECONNREFUSED:
      return IoError::refused;
    case ETIMEDOUT:
      return IoError::timed_out;
    case ECANCELED:
      return IoError::cancelled;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
    case EADDRNOTAVAIL:
    case ENOENT:
      return IoError::unreachable;
    case EADDRINUSE:
      return IoError::in_use;
    case EACCES:
    case EPERM:
      return IoError::denied;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      return IoError::no_resources;
    case EMSGSIZE:
      return IoError::too_large;
    default:
      return IoError::other;
  }
}

Error error_of(IoError error, std::string_view doing) {
  const auto code = [error] {
    switch (error) {
      case IoError::timed_out:
        return Code::timeout;
      case IoError::cancelled:
        return Code::cancelled;
      case IoError::too_large:
        return Code::too_large;
      case IoError::malformed:
        return Code::bad_request;
      case IoError::denied:
        return Code::forbidden;
      default:
        return Code::unavailable;
    }
  }();
  return Error(code, fmt::format("{}: {}", doing, describe(error)));
}

}  // namespace nuri
