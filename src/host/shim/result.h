#pragma once

// How the shim fails: a text for the person, no exceptions (the program is built without them).

#include <expected>
#include <string>
#include <string_view>

namespace nuri::shim {

template <class T = void>
using Result = std::expected<T, std::string>;

// "doing: what errno `error` means".
std::unexpected<std::string> failure(std::string_view doing, int error);

}  // namespace nuri::shim
