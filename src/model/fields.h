#pragma once

// How a struct of model/ tells its fields, once, so that JSON and the store's columns follow from
// it: a static constexpr member fields() returning a tuple of field("name", &Struct::member). And
// how an enum tells its texts: a function enum_names(Enum) beside it, found by ADL, returning an
// array of the texts in the order of the enumerators (0, 1, 2, …). Texts are Cloud Foundry's wire
// texts.

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>

namespace nuri::model {

template <class T, class M>
struct Field {
  using Member = M;
  std::string_view name;
  M T::* member;
};

template <class T, class M>
constexpr Field<T, M> field(std::string_view name, M T::* member) {
  return {name, member};
}

template <class T>
concept Described = requires { std::remove_cvref_t<T>::fields(); };

template <class E>
concept NamedEnum = std::is_enum_v<E> && requires(E e) { enum_names(e); };

template <NamedEnum E>
constexpr std::string_view to_text(E value) {
  return enum_names(E{})[static_cast<std::size_t>(value)];
}

// Nullopt when no enumerator has this text (exact, case counts).
template <NamedEnum E>
constexpr std::optional<E> from_text(std::string_view text) {
  constexpr auto names = enum_names(E{});
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == text) return static_cast<E>(i);
  return std::nullopt;
}

// Calls visit(field) for each field of T, in order.
template <Described T, class Visit>
constexpr void for_each_field(Visit&& visit) {
  std::apply([&](const auto&... f) { (visit(f), ...); }, T::fields());
}

}  // namespace nuri::model
