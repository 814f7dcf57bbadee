#include <algorithm>

#include "build/lifecycle/buildpack.h"

namespace nuri::lifecycle {

std::string directory_name(const std::string& id) {
  std::string name = id;
  std::replace(name.begin(), name.end(), '/', '_');
  return name;
}

}  // namespace nuri::lifecycle
