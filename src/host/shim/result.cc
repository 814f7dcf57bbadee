#include "host/shim/result.h"

#include <cstring>

namespace nuri::shim {

std::unexpected<std::string> failure(std::string_view doing, int error) {
  std::string text(doing);
  const char* meaning = ::strerrordesc_np(error);
  if (meaning != nullptr) {
    text.append(": ").append(meaning);
  } else {
    text.append(": error ").append(std::to_string(error));
  }
  return std::unexpected(std::move(text));
}

}  // namespace nuri::shim
