#pragma once

// A certificate as the store has it.

#include "model/certificate.h"
#include "net/certificate.h"

namespace nuri::control {

// `pem`: of `parsed`. The guid and the row's own times are the caller's.
model::Certificate certificate_row(const net::Certificate& parsed, net::PemPair pem,
                                   model::CertificateOrigin origin);

}  // namespace nuri::control
