#include "engine/local/exit_file.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

namespace nuri::engine::local {

using model::ExitReason;
using model::InstanceExit;

InstanceExit exit_from(const door::Exit& exit) {
  std::string note;
  if (exit.disk_full) note = "its disk is full";
  if (exit.pids_denied > 0)
    note += fmt::format("{}it reached its limit of processes", note.empty() ? "" : "; ");
  if (exit.stop_requested) return {ExitReason::stopped, exit.code, exit.signal, note};
  switch (exit.cause) {
    case door::Cause::exited:
      return {ExitReason::exited, exit.code, 0, note};
    case door::Cause::signaled:
      return {ExitReason::signaled, 0, exit.signal, note};
    case door::Cause::out_of_memory:
      return {ExitReason::out_of_memory, 0, exit.signal, note};
    case door::Cause::sandbox_killed:
      return {ExitReason::lost, 0, exit.signal, "its sandbox was killed"};
    case door::Cause::start_failed:
      return {ExitReason::start_failed, exit.code, 0, exit.text};
  }
  return {ExitReason::lost, 0, 0, note};
}

InstanceExit read_exit(const std::string& dir) {
  std::ifstream file(dir + "/exit");
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (text.empty()) return {ExitReason::lost, 0, 0, "the process that watched it was killed"};
  const auto exit = door::parse_exit_file(text);
  if (!exit) return {ExitReason::lost, 0, 0, "its exit file cannot be read: " + exit.error()};
  return exit_from(*exit);
}

}  // namespace nuri::engine::local
