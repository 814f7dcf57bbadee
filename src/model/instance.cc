#include "model/instance.h"

#include <fmt/format.h>

#include <csignal>
#include <cstring>

namespace nuri::model {
namespace {

std::string headline(const InstanceExit& exit) {
  switch (exit.reason) {
    case ExitReason::none:
      return "";
    case ExitReason::exited:
      return fmt::format("Exited with status {}", exit.code);
    case ExitReason::signaled: {
      const char* name = ::sigabbrev_np(exit.signal);
      return name ? fmt::format("Ended by signal {} (SIG{})", exit.signal, name)
                  : fmt::format("Ended by signal {}", exit.signal);
    }
    case ExitReason::out_of_memory:
      return "Killed: out of memory";
    case ExitReason::stopped:
      return "Stopped";
    case ExitReason::unhealthy:
      return "Stopped: the health check failed";
    case ExitReason::start_timeout:
      return "Stopped: not healthy within its start-up limit";
    case ExitReason::start_failed:
      return "Could not be started";
    case ExitReason::lost:
      return "Lost: its sandbox ended without a word";
    case ExitReason::vanished:
      return "Lost: the machine, or Nuri on it, was started anew";
  }
  return "";
}

}  // namespace

std::string describe(const InstanceExit& exit) {
  const std::string head = headline(exit);
  if (exit.message.empty()) return head;
  return head.empty() ? exit.message : head + ": " + exit.message;
}

}  // namespace nuri::model
