#pragma once

// For callers above http/, where operational failure is an exception: the value, or Error that says
// what was being done ("fetch the manifest from …", "read the upload").

#include <string_view>
#include <type_traits>
#include <utility>

#include "async/io_error.h"

namespace nuri::http {

template <class T>
T or_throw(IoResult<T> result, std::string_view doing) {
  if (!result) throw error_of(result.error(), doing);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace nuri::http
