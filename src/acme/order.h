#pragma once

// One order of a certificate, from the names to the chain (RFC 8555 section 7.4).

#include <string>
#include <vector>

#include "acme/authority.h"
#include "acme/challenge.h"
#include "net/certificate.h"

namespace nuri::acme {

// A certificate for all of `names` with a new key. `authority` was entered. What was presented is
// cleared again, also after a failure. Takes at most limits::kAcmeOrderDeadline. Throws Error that
// says which name failed, what the authority says and what to do; wildcards need a solver that
// takes them.
Task<net::PemPair> obtain(Authority& authority, const AccountKey& key, Solver& solver,
                          std::vector<std::string> names);

}  // namespace nuri::acme
