#pragma once

// The one exception of Nuri, for operational failures outside async/, net/, http/ and the router
// (those return values). Caught only at an HTTP handler, a controller tick, a TaskGroup or main.

#include <exception>
#include <string>
#include <string_view>

namespace nuri {

enum class Code {
  bad_request,      // malformed input: the sender must change it
  unauthenticated,  // no token, or one that is not valid
  forbidden,        // a valid token that may not do this
  not_found,
  conflict,       // the state of the thing forbids it now
  unprocessable,  // well-formed, but says something that cannot be
  too_large,      // over a limit in base/limits.h
  too_many,       // rate or count: try again later
  no_space,       // disk reserve reached, or the disk is full
  unavailable,    // something that is needed is down: try again later
  timeout,
  cancelled,
  data_loss,  // a digest, checksum or format on disk does not match
  internal,
};

// What a code means outside: HTTP status, Cloud Foundry's error code and title, CLI exit code.
struct CodeInfo {
  Code code;
  std::string_view name;  // stable, in JSON and logs
  int http_status;
  int cf_code;
  std::string_view cf_title;
  int exit_code;
};

const CodeInfo& info(Code code);

// The code for an HTTP status that a peer sent; internal for what is not an error status.
Code code_of_status(int http_status);

class Error : public std::exception {
 public:
  // message: for the person who must act: what was tried, on what, what went wrong, what to do
  // next.
  Error(Code code, std::string message);

  Code code() const { return code_; }
  const std::string& message() const { return message_; }
  const char* what() const noexcept override { return message_.c_str(); }

  // "context: message", keeping the code.
  Error within(std::string_view context) const;

 private:
  Code code_;
  std::string message_;
};

// An Error of code for errno `err`: "doing: strerror". ENOSPC and EDQUOT become no_space, ENOENT
// not_found, else `internal`.
Error system_error(std::string_view doing, int err);

}  // namespace nuri
