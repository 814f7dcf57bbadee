#pragma once

// JSON of every struct of model/ that tells its fields(). Reading is forgiving of what is missing
// (the member keeps its default) and of unknown keys, strict about types: it reads what Nuri wrote,
// perhaps an older Nuri. Not for requests: those are checked field by field (base/json.h).

#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "base/guid.h"
#include "base/json.h"
#include "model/fields.h"

namespace nuri::model {

template <class T>
json::value to_json(const T& value);
// Throws Error{data_loss} naming the field.
template <class T>
void from_json(const json::value& value, T& out);

}  // namespace nuri::model

#include "model/json_inline.h"
