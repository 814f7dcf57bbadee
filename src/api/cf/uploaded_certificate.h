#pragma once

// A certificate that a user gives: from the body of a request to its row.

#include <optional>

#include "api/cf/audit.h"
#include "model/certificate.h"
#include "net/certificate.h"

namespace nuri::api {

// A row, and what only its chain says.
struct ParsedCertificate {
  model::Certificate row;
  std::string fingerprint, issuer;
};

// {"chain": PEM, "key": PEM} as a row without guid and times: the chain and the key alone, whatever
// else the texts hold. Throws Error{unprocessable} that says what is wrong with
// them, also that the certificate has expired at `now` or is not valid yet. Some milliseconds of
// arithmetic: for the pool.
ParsedCertificate parse_upload(const json::object& body, WallTime now);

struct StoredUpload {
  model::Certificate row;
  std::optional<model::Certificate> replaced;  // as it was
};
// Inserts the row of parse_upload, or puts it in the place of the uploaded one for the same names:
// whose guid and time of making it takes. Throws Error{unprocessable} over limits::kCertificates.
StoredUpload store_upload(store::Writer& tx, const Act& act, model::Certificate upload);

}  // namespace nuri::api
