#pragma once

// What the shim and the init of its sandbox say to each other on one inherited SEQPACKET socket
// (descriptor kInitSocket of init). End of file on either side ends the sandbox.
//
//   init -> shim   ready                           (with its credentials: the pid as the shim sees
//   it) shim -> init   the spec, with descriptors      stdout, stderr, the thaw file [, input,
//   output] app  -> shim   here                            (credentials of the app's process,
//   before its exec) shim -> init   go                              the app is in its cgroups init
//   -> shim   running | failed text=…         the app's program runs, or cannot shim -> init   stop
//   signal=N grace_ms=N        may come again, to make the grace shorter init -> shim   ended
//   status=N grace_exceeded=1 everything is dead; N as of waitpid(2)

#include <cstdint>
#include <string>
#include <string_view>

#include "host/shim/result.h"

namespace nuri::shim {

inline constexpr int kInitSocket = 3;

struct InitMessage {
  enum class Kind { ready, here, go, running, failed, stop, ended } kind = Kind::ready;
  int signal = 0;
  std::uint32_t grace_ms = 0;
  int status = 0;
  bool grace_exceeded = false;
  std::string text{};
  friend bool operator==(const InitMessage&, const InitMessage&) = default;
};

std::string encode(const InitMessage& message);
Result<InitMessage> parse_init_message(std::string_view packet);

}  // namespace nuri::shim
