#pragma once

// The rows that a platform has before its first request, and what all its servers share.

#include <string>

#include "base/random.h"
#include "identity/password_hash.h"
#include "identity/tokens.h"
#include "store/store.h"

namespace nuri::sim {

inline constexpr const char* kApiUrl = "http://api.sim";
inline constexpr const char* kPassword = "secret";

struct Platform {
  SpaceGuid space;
  DomainGuid domain;
  identity::TokenKey token_key;
};

// Org, space, domain, the user "admin" and the user "developer", who may change what is in the
// space.
Platform found(store::Writer& tx, Random& random, WallTime now, identity::PasswordHash& hash);

}  // namespace nuri::sim
