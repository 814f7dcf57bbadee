#pragma once

// The texts of help, made from the verbs. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "cli/terminal.h"
#include "cli/verb.h"

namespace nuri::cli {

// All verbs by group, in the order they are declared.
std::string overview(const Terminal& terminal, const std::vector<Verb>& verbs);
// "nuri push [APP] [flags]", what it does, flags, examples.
std::string help_of(const Terminal& terminal, const Verb& verb);
// "nuri scale APP [flags]"
std::string usage_of(const Verb& verb);

// The verb that `word` was likely meant to be; empty if none is near.
std::string nearest_verb(std::string_view word, const std::vector<Verb>& verbs);

}  // namespace nuri::cli
