#pragma once

// What a shell asks when the user presses Tab.

#include <string>
#include <string_view>
#include <vector>

#include "cli/verb.h"

namespace nuri::cli {

struct Completion {
  std::vector<std::string> candidates;  // sorted
  bool app_names = false;               // and the names of apps that begin with the last word
};

// `words`: what stands behind "nuri", the last one unfinished (perhaps empty). Pure.
Completion complete(const std::vector<std::string>& words, const std::vector<Verb>& verbs);

// `nuri __complete WORDS…`: prints candidates, one a line. Silent about every failure, and quick:
// the server has two seconds to name its apps.
int print_completions(const std::vector<std::string>& words, const std::vector<Verb>& verbs);

// What `nuri completion SHELL` prints, for bash, zsh or fish. Throws Error{bad_request}.
std::string completion_script(std::string_view shell);

}  // namespace nuri::cli
