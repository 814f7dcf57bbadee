#include "cli/verbs.h"

namespace nuri::cli {

std::vector<Verb> verbs() {
  return {push_verb(),
          apps_verb(),
          app_verb(),
          logs_verb(),
          scale_verb(),
          start_verb(),
          stop_verb(),
          restart_verb(),
          events_verb(),
          delete_verb(),
          env_verb(),
          set_env_verb(),
          unset_env_verb(),
          routes_verb(),
          map_route_verb(),
          unmap_route_verb(),
          delete_route_verb(),
          route_options_verb(),
          domains_verb(),
          create_domain_verb(),
          delete_domain_verb(),
          domain_options_verb(),
          certificates_verb(),
          add_certificate_verb(),
          delete_certificate_verb(),
          login_verb(),
          logout_verb(),
          version_verb()};
}

}  // namespace nuri::cli
