#pragma once

// `nuri server`: the control plane, put together.

#include "cli/verb.h"

namespace nuri {

cli::Verb server_verb();

}  // namespace nuri
