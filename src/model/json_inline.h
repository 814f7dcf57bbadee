#pragma once

// The templates of model/json.h.

#include <concepts>

#include "model/json.h"

namespace nuri::model {

namespace detail {

template <class T>
inline constexpr bool kIsGuid = false;
template <class N>
inline constexpr bool kIsGuid<Guid<N>> = true;
template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;
template <class T>
inline constexpr bool kIsVector = false;
template <class T>
inline constexpr bool kIsVector<std::vector<T>> = true;
template <class T>
inline constexpr bool kIsMap = false;
template <class T>
inline constexpr bool kIsMap<std::map<std::string, T>> = true;

[[noreturn]] void wrong_json(std::string_view wanted, const json::value& found);
std::string json_text(const json::value& value);
std::int64_t json_int(const json::value& value, std::int64_t low, std::int64_t high);
bool json_bool(const json::value& value);
const json::array& json_array(const json::value& value);
const json::object& json_object(const json::value& value);
// Adds `name` to what wrong_json threw.
[[noreturn]] void rethrow_within(std::string_view name, const Error& error);

}  // namespace detail

template <class T>
json::value to_json(const T& value) {
  if constexpr (std::same_as<T, std::string> || std::same_as<T, bool>) {
    return json::value(value);
  } else if constexpr (std::integral<T>) {
    return json::value(static_cast<std::int64_t>(value));
  } else if constexpr (NamedEnum<T>) {
    return json::value(to_text(value));
  } else if constexpr (detail::kIsGuid<T> || std::same_as<T, Digest>) {
    return value.empty() ? json::value() : json::value(value.str());
  } else if constexpr (std::same_as<T, WallTime>) {
    return json::value(value.ns);
  } else if constexpr (detail::kIsOptional<T>) {
    return value ? to_json(*value) : json::value();
  } else if constexpr (detail::kIsVector<T>) {
    json::array out;
    for (const auto& item : value) out.push_back(to_json(item));
    return out;
  } else if constexpr (detail::kIsMap<T>) {
    json::object out;
    for (const auto& [key, item] : value) out.emplace(key, to_json(item));
    return out;
  } else {
    static_assert(Described<T>, "to_json: a member of a type that has no JSON");
    json::object out;
    for_each_field<T>([&](const auto& f) { out.emplace(f.name, to_json(value.*f.member)); });
    return out;
  }
}

template <class T>
void from_json(const json::value& value, T& out) {
  if constexpr (std::same_as<T, std::string>) {
    out = detail::json_text(value);
  } else if constexpr (std::same_as<T, bool>) {
    out = detail::json_bool(value);
  } else if constexpr (std::integral<T>) {
    out = static_cast<T>(
        detail::json_int(value, static_cast<std::int64_t>(std::numeric_limits<T>::min()),
                         static_cast<std::int64_t>(std::numeric_limits<T>::max())));
  } else if constexpr (NamedEnum<T>) {
    auto parsed = from_text<T>(detail::json_text(value));
    if (!parsed) detail::wrong_json("a known word", value);
    out = *parsed;
  } else if constexpr (detail::kIsGuid<T>) {
    out = value.is_null() ? T() : T(detail::json_text(value));
  } else if constexpr (std::same_as<T, Digest>) {
    auto parsed = value.is_null() ? Digest() : Digest::parse(detail::json_text(value));
    if (!parsed) detail::wrong_json("a digest", value);
    out = *parsed;
  } else if constexpr (std::same_as<T, WallTime>) {
    out.ns = detail::json_int(value, INT64_MIN, INT64_MAX);
  } else if constexpr (detail::kIsOptional<T>) {
    out.reset();
    if (!value.is_null()) from_json(value, out.emplace());
  } else if constexpr (detail::kIsVector<T>) {
    out.clear();
    for (const auto& item : detail::json_array(value)) from_json(item, out.emplace_back());
  } else if constexpr (detail::kIsMap<T>) {
    out.clear();
    for (const auto& [key, item] : detail::json_object(value))
      from_json(item, out[std::string(key)]);
  } else {
    static_assert(Described<T>, "from_json: a member of a type that has no JSON");
    const json::object& object = detail::json_object(value);
    for_each_field<T>([&](const auto& f) {
      const json::value* found = object.if_contains(f.name);
      if (!found) return;
      try {
        from_json(*found, out.*f.member);
      } catch (const Error& error) {
        detail::rethrow_within(f.name, error);
      }
    });
  }
}

}  // namespace nuri::model
