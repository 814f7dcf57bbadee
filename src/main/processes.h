#pragma once

// `nuri host` and `nuri router`: what `nuri up` starts beside the server.

#include "cli/verb.h"
#include "host/host_main.h"
#include "main/settings.h"

namespace nuri {

host::HostOptions host_options(const Settings& settings);
cli::Verb host_verb();
cli::Verb router_verb();
// `nuri host-unpack`: the host starts itself anew for it.
cli::Verb unpack_verb();

}  // namespace nuri
