#include "cli/option_words.h"

#include <fmt/format.h>

#include <cerrno>
#include <fstream>
#include <iterator>

#include "base/error.h"
#include "base/limits.h"

namespace nuri::cli {
namespace {

// "a.b.c.d" → "a", "b", "c.d": names of users and headers may hold dots.
std::vector<std::string> steps_of(std::string_view key) {
  constexpr std::size_t kDeepest = 3;
  std::vector<std::string> out;
  while (out.size() + 1 < kDeepest && key.find('.') != key.npos) {
    out.emplace_back(key.substr(0, key.find('.')));
    key.remove_prefix(key.find('.') + 1);
  }
  out.emplace_back(key);
  return out;
}

void put(json::object& into, std::string_view key, json::value value) {
  json::object* place = &into;
  const auto steps = steps_of(key);
  for (std::size_t n = 0; n + 1 < steps.size(); ++n) {
    json::value& next = (*place)[steps[n]];
    if (!next.is_object()) next = json::object();
    place = &next.get_object();
  }
  (*place)[steps.back()] = std::move(value);
}

std::string file_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw system_error(fmt::format("reading {}", path), errno);
  std::string text(limits::kRouteSettingsBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > limits::kRouteSettingsBytes)
    throw Error(Code::too_large,
                fmt::format("{} has more than {} bytes", path, limits::kRouteSettingsBytes));
  return text;
}

}  // namespace

json::object option_changes(const std::vector<std::string>& set,
                            const std::vector<std::string>& unset) {
  json::object out;
  for (const std::string& word : set) {
    const auto equals = word.find('=');
    if (equals == word.npos || equals == 0)
      throw Error(Code::bad_request,
                  fmt::format("'{}' is no KEY=VALUE, as in deadlines.answer=30s", word));
    const std::string value = word.substr(equals + 1);
    put(out, word.substr(0, equals),
        json::value(value.starts_with('@') ? file_text(value.substr(1)) : value));
  }
  for (const std::string& key : unset) put(out, key, nullptr);
  return out;
}

}  // namespace nuri::cli
