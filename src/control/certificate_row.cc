#include "control/certificate_row.h"

#include <utility>

namespace nuri::control {

model::Certificate certificate_row(const net::Certificate& parsed, net::PemPair pem,
                                   model::CertificateOrigin origin) {
  model::Certificate row;
  row.origin = origin;
  row.names = parsed.names();
  row.chain = std::move(pem.chain);
  row.key = std::move(pem.key);
  row.not_before = parsed.not_before();
  row.not_after = parsed.not_after();
  return row;
}

}  // namespace nuri::control
