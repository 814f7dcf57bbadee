#include "base/error.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/assert.h"

namespace nuri {
namespace {

// Exit codes follow sysexits where it has one for the case, so that scripts can tell them apart.
// Of rows with one status, the first is what that status of a peer means.
constexpr std::array kCodes{
    CodeInfo{Code::bad_request, "bad_request", 400, 10005, "CF-BadRequest", 64},
    CodeInfo{Code::unauthenticated, "unauthenticated", 401, 1000, "CF-InvalidAuthToken", 77},
    CodeInfo{Code::forbidden, "forbidden", 403, 10003, "CF-NotAuthorized", 77},
    CodeInfo{Code::not_found, "not_found", 404, 10010, "CF-ResourceNotFound", 66},
    CodeInfo{Code::conflict, "conflict", 409, 10016, "CF-Conflict", 73},
    CodeInfo{Code::unprocessable, "unprocessable", 422, 10008, "CF-UnprocessableEntity", 65},
    CodeInfo{Code::too_large, "too_large", 413, 10005, "CF-RequestTooLarge", 65},
    CodeInfo{Code::too_many, "too_many", 429, 10013, "CF-RateLimitExceeded", 75},
    CodeInfo{Code::no_space, "no_space", 507, 10011, "CF-InsufficientStorage", 75},
    CodeInfo{Code::unavailable, "unavailable", 503, 10015, "CF-ServiceUnavailable", 69},
    CodeInfo{Code::timeout, "timeout", 504, 10017, "CF-Timeout", 75},
    CodeInfo{Code::cancelled, "cancelled", 503, 10018, "CF-Cancelled", 130},
    CodeInfo{Code::internal, "internal", 500, 10001, "CF-UnknownError", 70},
    CodeInfo{Code::data_loss, "data_loss", 500, 10019, "CF-DataLoss", 74},
};

}  // namespace

const CodeInfo& info(Code code) {
  for (const auto& entry : kCodes)
    if (entry.code == code) return entry;
  assert_failed("every Code is in kCodes", __FILE__, __LINE__);
}

Code code_of_status(int http_status) {
  for (const auto& entry : kCodes)
    if (entry.http_status == http_status) return entry.code;
  if (http_status >= 400 && http_status < 500) return Code::bad_request;
  return Code::internal;
}

Error::Error(Code code, std::string message) : code_(code), message_(std::move(message)) {}

Error Error::within(std::string_view context) const {
  return Error(code_, fmt::format("{}: {}", context, message_));
}

Error system_error(std::string_view doing, int err) {
  const Code code = err == ENOSPC || err == EDQUOT ? Code::no_space
                    : err == ENOENT                ? Code::not_found
                    : err == EADDRINUSE            ? Code::conflict
                                                   : Code::internal;
  return Error(code, fmt::format("{}: {}", doing, std::strerror(err)));
}

}  // namespace nuri
