#pragma once

// The directories of a realm and whom they belong to. As root, before privileges are dropped.

#include "main/settings.h"

namespace nuri {

// STATE and RUN (root's, others may pass), STATE/server (nuri's alone), STATE/logs (nuri's, of the
// group nuri-logs). Idempotent. Throws Error.
void prepare_server_directories(const Settings& settings);
// RUN/router (nuri-router's; nuri may connect to what is in it), STATE/router (nuri-router's
// alone), and STATE/logs.
void prepare_router_directories(const Settings& settings);

}  // namespace nuri
