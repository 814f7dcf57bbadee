#pragma once

// The verbs for users; each stands in the file of its name. main/ adds its own.

#include <vector>

#include "cli/verb.h"

namespace nuri::cli {

std::vector<Verb> verbs();

Verb push_verb();
Verb apps_verb();
Verb app_verb();
Verb logs_verb();
Verb scale_verb();
Verb stop_verb();
Verb start_verb();
Verb restart_verb();
Verb set_env_verb();
Verb unset_env_verb();
Verb env_verb();
Verb routes_verb();
Verb map_route_verb();
Verb unmap_route_verb();
Verb delete_route_verb();
Verb route_options_verb();
Verb domains_verb();
Verb create_domain_verb();
Verb delete_domain_verb();
Verb domain_options_verb();
Verb certificates_verb();
Verb add_certificate_verb();
Verb delete_certificate_verb();
Verb events_verb();
Verb delete_verb();
Verb login_verb();
Verb logout_verb();
Verb version_verb();

}  // namespace nuri::cli
