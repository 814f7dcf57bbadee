#pragma once

// Labels and annotations of a resource (CAPI v3, Metadata), and environment variables.

#include <map>
#include <string>
#include <tuple>

#include "model/fields.h"

namespace nuri::model {

// Ordered, so that the same environment always has the same form.
using Env = std::map<std::string, std::string>;

struct Metadata {
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  friend bool operator==(const Metadata&, const Metadata&) = default;
  static constexpr auto fields() {
    return std::tuple{field("labels", &Metadata::labels),
                      field("annotations", &Metadata::annotations)};
  }
};

// Both throw Error{unprocessable}: what is wrong with which name.
// Names are UTF-8 without '=', blanks and control characters (Java's spring.datasource.url is a
// name); PORT and names that begin with VCAP_ are the platform's; sizes are limits::kEnvEntries and
// kEnvBytes.
void validate(const Env& env);
// Keys are `name` or `prefix/name` as in Kubernetes; label values are at most 63 characters.
void validate(const Metadata& metadata);

}  // namespace nuri::model
