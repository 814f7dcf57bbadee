#pragma once

// Which authority certificates are asked of, and how: flags of `nuri up`, passed on to the server.

#include <cstdint>
#include <string>
#include <vector>

#include "cli/verb.h"

namespace nuri {

struct AcmeSettings {
  std::string directory;            // URL; empty: no authority is asked
  std::vector<std::string> emails;  // where it may write to
  std::string hook;                 // program that proves names by DNS; empty: by HTTP
  std::uint16_t http_port = 80;     // at which the authority reaches this Nuri; 0: not tried before

  // The host of the directory.
  std::string host() const;
};

void add_acme_flags(std::vector<cli::Flag>& flags);
// Throws Error{bad_request} naming the flag.
AcmeSettings acme_settings_from(const cli::Arguments& arguments);
void add_acme_argv(const AcmeSettings& settings, std::vector<std::string>& argv);

}  // namespace nuri
