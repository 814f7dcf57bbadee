#pragma once

// Long work as lines: what is done, how far it is, how long it took.
//   Uploading 3 files (12.3K)...  0.21 s
// On a terminal the line of the step under way is written anew as it goes on. With --json nothing
// is shown, and the times are kept for the result.

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "cli/terminal.h"

namespace nuri::cli {

class Steps {
 public:
  enum class Show { lines, nothing };
  // Both outlive it.
  Steps(Terminal& terminal, const Clock& clock, Show show)
      : terminal_(terminal), clock_(clock), show_(show), began_(clock.now()), step_(began_) {}

  // Ends the step before. `key` names it in JSON.
  void begin(std::string key, std::string text);
  // How far it is: "12K of 1M".
  void progress(std::string_view text);
  // Ends it, `result` behind its text. Nothing without a step under way.
  void end(std::string_view result = {});
  // Ends the step's line, so that lines of another kind (a build's log) can follow; its time is
  // shown by end() on a line of its own.
  void open();
  // A line of its own.
  void line(std::string_view text);
  double total_seconds() const;
  json::object times() const;  // seconds by key

 private:
  void put(std::string_view text) {
    if (show_ == Show::lines) terminal_.out(text);
  }
  Terminal& terminal_;
  const Clock& clock_;
  const Show show_;
  const Time began_;
  Time step_;
  Time shown_{};
  std::string key_, text_;
  bool opened_ = false;
  std::vector<std::pair<std::string, double>> times_;
};

}  // namespace nuri::cli
