#include <fmt/format.h>

#include <charconv>

#include "base/error.h"
#include "cli/verb.h"

namespace nuri::cli {

std::string Arguments::get(std::string_view name, std::string_view otherwise) const {
  const auto found = values_.find(name);
  return std::string(found == values_.end() || found->second.empty() ? otherwise
                                                                     : found->second.back());
}

std::vector<std::string> Arguments::all(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::vector<std::string>() : found->second;
}

long Arguments::number(std::string_view name, long otherwise, long least, long most) const {
  if (!has(name)) return otherwise;
  const std::string text = get(name);
  long value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || value < least || value > most)
    throw Error(Code::bad_request, fmt::format("{} takes a whole number from {} to {}, not '{}'",
                                               name, least, most, text));
  return value;
}

}  // namespace nuri::cli
