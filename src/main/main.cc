// The composition root: the verbs of users and those that Nuri's own processes are.

#include "cli/verb.h"
#include "cli/verbs.h"
#include "main/processes.h"
#include "main/server.h"
#include "main/up.h"

int main(int argc, char** argv) {
  auto verbs = nuri::cli::verbs();
  for (auto&& verb : {nuri::up_verb(), nuri::down_verb(), nuri::server_verb(), nuri::router_verb(),
                      nuri::host_verb(), nuri::unpack_verb()})
    verbs.push_back(verb);
  return nuri::cli::run_command_line(argc, argv, verbs);
}
