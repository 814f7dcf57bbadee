#pragma once

// Bringing a droplet, or what was changed of an app, into service: deployments begun and followed,
// and what went wrong told with the app's own last words.

#include <string>

#include "cli/api.h"
#include "cli/steps.h"

namespace nuri::cli {

// The guid of the new deployment. `droplet_guid` empty: the app's current one (a restart).
Task<std::string> begin_deployment(Api& api, std::string app_guid, std::string droplet_guid,
                                   std::string strategy);
// Starts a stopped app; the guid of the deployment that does it, empty if nothing had to be done.
Task<std::string> begin_start(Api& api, std::string app_guid);
// The deployment of the app that is ACTIVE, the newest; empty if none is.
Task<std::string> active_deployment(Api& api, std::string app_guid);

// Waits until it is over, telling `steps` what its instances do. Throws Error: unprocessable when
// the new version did not come up (the text says why, with exit code or port where known),
// conflict when it was cancelled or another one took its place.
Task<void> follow_deployment(Api& api, std::string deployment_guid, Steps& steps);
// Asks the server to go back; no error if it is over already.
Task<void> cancel_deployment(Api& api, std::string deployment_guid);

// Starts a stopped app, or restarts one: waits until it answers.
Task<void> start_app(Api& api, std::string app_guid, Steps& steps);

// The last lines of the app's own output, and what to do next: for a failure.
Task<std::string> last_words(Api& api, std::string app_guid, std::string app_name);

}  // namespace nuri::cli
