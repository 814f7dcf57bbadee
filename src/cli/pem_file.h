#pragma once

#include <string>

namespace nuri::cli {

// The text of a file that a user names, at most limits::kPemBytes. Throws Error naming it:
// not_found, too_large, or bad_request if it cannot be read, as a folder cannot. Blocking.
std::string read_pem_file(const std::string& path);

}  // namespace nuri::cli
