#pragma once

// `nuri up` and `nuri down`.

#include "cli/verb.h"

namespace nuri {

cli::Verb up_verb();
cli::Verb down_verb();

}  // namespace nuri
