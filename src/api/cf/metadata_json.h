#pragma once

// Labels and annotations in the API's requests and answers (CAPI v3, Metadata).

#include "base/json.h"
#include "model/metadata.h"

namespace nuri::api {

json::object metadata_json(const model::Metadata& metadata);
// Applies the `metadata` of a request's body, if it has one: a null removes a name, names that are
// not given stay. Throws Error{unprocessable}.
void patch_metadata(model::Metadata& metadata, const json::object& body);

}  // namespace nuri::api
