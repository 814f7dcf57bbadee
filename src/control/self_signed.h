#pragma once

// The certificate that a realm has before anybody gives it one: it signs itself, for the domain of
// the apps and every name below it.

#include <string>

#include "base/random.h"
#include "store/store.h"

namespace nuri::control {

// Writes one, in the place of those that end within 30 days of `now`, unless there is one that
// lasts longer. Blocking. Throws Error{unprocessable} if `domain` is no name.
void ensure_self_signed(store::Store& store, const std::string& domain, WallTime now,
                        Random& random);

}  // namespace nuri::control
