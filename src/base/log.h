#pragma once

// Nuri's own log: one line an event on standard error, logfmt: ts= level= msg= key=value ….
// Thread-safe (one write per line). Never put a secret, a token or an app's environment in a field.

#include <fmt/format.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace nuri {

// `off`: only to be set, for simulations that make thousands of errors on purpose.
enum class Level { debug, info, warn, error, off };

struct Field {
  std::string_view key;
  std::string value;
  template <class T>
  Field(std::string_view k, const T& v) : key(k), value(fmt::format("{}", v)) {}
};

void set_log_level(Level level);
// Named in each line as proc=; set once in main.
void set_log_process(std::string name);
void log(Level level, std::string_view message, std::initializer_list<Field> fields = {});

inline void log_debug(std::string_view m, std::initializer_list<Field> f = {}) {
  log(Level::debug, m, f);
}
inline void log_info(std::string_view m, std::initializer_list<Field> f = {}) {
  log(Level::info, m, f);
}
inline void log_warn(std::string_view m, std::initializer_list<Field> f = {}) {
  log(Level::warn, m, f);
}
inline void log_error(std::string_view m, std::initializer_list<Field> f = {}) {
  log(Level::error, m, f);
}

}  // namespace nuri
