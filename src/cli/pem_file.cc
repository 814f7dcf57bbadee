#include "cli/pem_file.h"

#include "base/error.h"
#include "base/limits.h"
#include "cli/config.h"

namespace nuri::cli {

std::string read_pem_file(const std::string& path) {
  try {
    return read_small_file(path, limits::kPemBytes);
  } catch (const Error& error) {
    // A folder, another's file: no defect of ours.
    if (error.code() != Code::internal) throw;
    throw Error(Code::bad_request, error.message());
  }
}

}  // namespace nuri::cli
