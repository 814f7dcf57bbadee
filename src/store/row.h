#pragma once

// A value of model/ as a row of cells, so that each store handles rows only. Numbers, times and
// bools are integers, enums are their texts, an empty guid or digest and an absent optional are
// null, and everything else is JSON text.

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "model/json.h"

namespace nuri::store {

using Cell = std::variant<std::monostate, std::int64_t, std::string>;
using Row = std::vector<Cell>;
enum class CellKind { integer, text };

inline bool is_null(const Cell& cell) { return cell.index() == 0; }

namespace detail {
template <class T>
inline constexpr bool kIsInteger = std::integral<T> || std::same_as<T, WallTime>;
template <class T>
inline constexpr bool kIsScalar =
    kIsInteger<T> || std::same_as<T, std::string> || model::NamedEnum<T> ||
    model::detail::kIsGuid<T> || std::same_as<T, Digest>;
std::int64_t cell_int(const Cell& cell);
const std::string& cell_text(const Cell& cell);
}  // namespace detail

template <class T>
constexpr CellKind cell_kind() {
  if constexpr (model::detail::kIsOptional<T>) return cell_kind<typename T::value_type>();
  return detail::kIsInteger<T> ? CellKind::integer : CellKind::text;
}

// Whether a member of type T may be null in its row.
template <class T>
constexpr bool cell_nullable() {
  return model::detail::kIsOptional<T> || model::detail::kIsGuid<T> || std::same_as<T, Digest>;
}

template <class T>
Cell encode_cell(const T& value) {
  if constexpr (std::same_as<T, WallTime>) {
    return value.ns;
  } else if constexpr (std::integral<T>) {
    return static_cast<std::int64_t>(value);
  } else if constexpr (std::same_as<T, std::string>) {
    return value;
  } else if constexpr (model::NamedEnum<T>) {
    return std::string(model::to_text(value));
  } else if constexpr (model::detail::kIsGuid<T> || std::same_as<T, Digest>) {
    if (value.empty()) return std::monostate();
    return value.str();
  } else if constexpr (model::detail::kIsOptional<T>) {
    if (!value) return std::monostate();
    return encode_cell(*value);
  } else {
    return json::serialize(model::to_json(value));
  }
}

// Throws Error{data_loss} when the cell is not what encode_cell makes.
template <class T>
void decode_cell(const Cell& cell, T& out) {
  if constexpr (model::detail::kIsOptional<T>) {
    out.reset();
    if (!is_null(cell)) decode_cell(cell, out.emplace());
  } else if constexpr (std::same_as<T, bool>) {
    out = detail::cell_int(cell) != 0;
  } else if constexpr (detail::kIsInteger<T>) {
    model::from_json(json::value(detail::cell_int(cell)), out);
  } else if constexpr (detail::kIsScalar<T>) {
    model::from_json(is_null(cell) ? json::value() : json::value(detail::cell_text(cell)), out);
  } else {
    model::from_json(json::parse(detail::cell_text(cell), SIZE_MAX), out);
  }
}

template <model::Described T>
Row encode_row(const T& value) {
  Row row;
  model::for_each_field<T>([&](const auto& f) { row.push_back(encode_cell(value.*f.member)); });
  return row;
}

template <model::Described T>
T decode_row(const Row& row) {
  T out;
  std::size_t i = 0;
  model::for_each_field<T>([&](const auto& f) {
    try {
      decode_cell(row.at(i++), out.*f.member);
    } catch (const Error& error) {
      model::detail::rethrow_within(f.name, Error(Code::data_loss, error.message()));
    }
  });
  return out;
}

}  // namespace nuri::store
