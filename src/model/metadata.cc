#include "model/metadata.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/limits.h"
#include "model/text.h"

namespace nuri::model {
namespace {

[[noreturn]] void refuse(std::string message) {
  throw Error(Code::unprocessable, std::move(message));
}

bool is_env_name(std::string_view name) {
  return !name.empty() && name.size() <= limits::kNameBytes &&
         is_plain_utf8(name, Newlines::forbidden) && name.find_first_of("= ") == name.npos;
}

bool is_word(std::string_view text, std::size_t longest) {
  return !text.empty() && text.size() <= longest && is_alnum(text.front()) &&
         is_alnum(text.back()) && std::ranges::all_of(text, [](char c) {
           return is_alnum(c) || c == '-' || c == '_' || c == '.';
         });
}

void validate_key(std::string_view kind, std::string_view key) {
  const auto slash = key.find('/');
  const std::string_view prefix =
      slash == std::string_view::npos ? std::string_view() : key.substr(0, slash);
  const std::string_view name = slash == std::string_view::npos ? key : key.substr(slash + 1);
  if (!is_word(name, 63))
    refuse(
        fmt::format("Metadata {} key error: '{}' must be letters, digits, '-', '_' or '.', begin "
                    "and end with a letter or digit, and have at most 63 characters",
                    kind, printable(name)));
  if (slash != std::string_view::npos && !is_word(prefix, 253))
    refuse(fmt::format("Metadata {} key error: prefix '{}' must be in valid dns format", kind,
                       printable(prefix)));
}

}  // namespace

void validate(const Env& env) {
  if (env.size() > limits::kEnvEntries)
    refuse(fmt::format("Environment variables: {} are too many; the limit is {}", env.size(),
                       limits::kEnvEntries));
  std::size_t bytes = 0;
  for (const auto& [name, value] : env) {
    bytes += name.size() + value.size();
    if (name == "PORT") refuse("Environment variables cannot set PORT");
    if (name.starts_with("VCAP_")) refuse("Environment variables cannot start with VCAP_");
    if (!is_env_name(name))
      refuse(
          fmt::format("Environment variable name '{}' must not be empty, hold '=', blanks or "
                      "control characters, or have more than {} bytes",
                      printable(name), limits::kNameBytes));
    if (!is_utf8(value))
      refuse(fmt::format("Environment variable {} is not valid UTF-8 or holds a NUL", name));
  }
  if (bytes > limits::kEnvBytes)
    refuse(fmt::format("Environment variables: {} bytes are too many; the limit is {}", bytes,
                       limits::kEnvBytes));
}

void validate(const Metadata& metadata) {
  if (metadata.labels.size() > limits::kMetadataEntries)
    refuse(fmt::format("Metadata: at most {} labels", limits::kMetadataEntries));
  if (metadata.annotations.size() > limits::kMetadataEntries)
    refuse(fmt::format("Metadata: at most {} annotations", limits::kMetadataEntries));
  for (const auto& [key, value] : metadata.labels) {
    validate_key("label", key);
    if (!value.empty() && !is_word(value, 63))
      refuse(
          fmt::format("Metadata label value error: '{}' of '{}' must be letters, digits, '-', '_' "
                      "or '.', and have at most 63 characters",
                      printable(value), key));
  }
  for (const auto& [key, value] : metadata.annotations) {
    validate_key("annotation", key);
    if (value.size() > limits::kAnnotationBytes)
      refuse(fmt::format("Metadata annotation value error: '{}' is greater than {} characters", key,
                         limits::kAnnotationBytes));
    if (!is_plain_utf8(value, Newlines::allowed))
      refuse(fmt::format("Metadata annotation value error: '{}' holds control characters", key));
  }
}

}  // namespace nuri::model
