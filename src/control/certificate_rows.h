#pragma once

// The reads and writes of the CertificateKeeper, as bodies of transactions.

#include <optional>
#include <string>

#include "control/certificate_issuer.h"
#include "plan/certificate_orders.h"
#include "store/store.h"

namespace nuri::control {

// Chains and keys stay behind.
plan::CertificateRows load_certificate_rows(store::Reader& reader);

// Erases what was planned to go.
void write_drops(store::Writer& tx, const plan::CertificatePlan& plan);

// An attempt begins, written down as a failure. Returns the order's row as it was before; it is
// made with the guid `made` if there is none.
model::CertificateOrder write_begin(store::Writer& tx, const std::string& name,
                                    const CertificateOrderGuid& made, WallTime now);

// How an attempt ended.
struct AttemptEnd {
  std::optional<model::Certificate> certificate;
  std::string error;  // empty: well
  std::optional<WallTime> not_earlier;
};

// A certificate that is to be renewed at once is kept, but counts as a failure: it would be asked
// for again and again. So does one that cannot be used.
AttemptEnd end_of(const Issued& issued, const CertificateGuid& made, WallTime now);

// Replaces the certificate before. `before`: what write_begin returned; its row is made again if
// it was erased meanwhile.
void write_end(store::Writer& tx, const model::CertificateOrder& before, const AttemptEnd& end,
               WallTime now);

// The attempt was given up, as the server ends: no failure, but it is not made again at once.
void write_given_up(store::Writer& tx, const model::CertificateOrder& before, WallTime now);

}  // namespace nuri::control
