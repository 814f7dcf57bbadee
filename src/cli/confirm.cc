#include "cli/confirm.h"

#include <fmt/format.h>

#include "cli/terminal.h"

namespace nuri::cli {

bool confirmed(const Arguments& arguments, std::string_view what) {
  if (arguments.has("--force")) return true;
  const std::string answer = ask(fmt::format("Really delete {}? [yN]", what), Echo::on,
                                 "nothing was deleted; -f deletes without asking");
  if (answer == "y" || answer == "Y" || answer == "yes") return true;
  StandardTerminal().err("Delete cancelled\n");
  return false;
}

}  // namespace nuri::cli
