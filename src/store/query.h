#pragma once

// Which rows to list, in which order, which page. Typed by noun, columns named by member:
//   Query<App>().where(&App::space, space).any(&App::name, names).order_by(&App::name).page(2, 100)
// Conditions are joined by "and". The default order is that of insertion, and it breaks every tie
// (the other way round when descending), so that lists are the same in every store.

#include <string_view>
#include <type_traits>
#include <vector>

#include "base/assert.h"
#include "base/limits.h"
#include "store/table.h"

namespace nuri::store {

enum class Order { ascending, descending };

struct Condition {
  enum class Is { any_of, none_of, null, not_null, less, at_most, greater, at_least };
  std::size_t column;
  Is is;
  std::vector<Cell> values;
};

// A Query without its type: what a store carries out.
struct Selection {
  std::vector<Condition> conditions;
  std::optional<std::size_t> order_column;
  Order order = Order::ascending;
  std::int64_t offset = 0;
  std::int64_t limit = -1;  // -1: all
};

template <class T>
class Query {
 public:
  // An empty guid or digest and an absent optional match rows without one.
  template <class M, class B>
  Query& where(M B::* member, const std::type_identity_t<M>& value) {
    Cell cell = encode_cell(value);
    if (is_null(cell)) return add(member, Condition::Is::null, {});
    return add(member, Condition::Is::any_of, {std::move(cell)});
  }
  // Equal to one of `values`; none matches when there are none.
  template <class M, class B>
  Query& any(M B::* member, const std::vector<std::type_identity_t<M>>& values) {
    return add(member, Condition::Is::any_of, cells(values));
  }
  // Equal to none of `values`; rows without a value match.
  template <class M, class B>
  Query& none(M B::* member, const std::vector<std::type_identity_t<M>>& values) {
    return add(member, Condition::Is::none_of, cells(values));
  }
  template <class M, class B>
  Query& where_set(M B::* member) {
    return add(member, Condition::Is::not_null, {});
  }
  // Rows without a value match no comparison.
  template <class M, class B>
  Query& less(M B::* member, const std::type_identity_t<M>& bound) {
    return add(member, Condition::Is::less, {encode_cell(bound)});
  }
  template <class M, class B>
  Query& at_most(M B::* member, const std::type_identity_t<M>& bound) {
    return add(member, Condition::Is::at_most, {encode_cell(bound)});
  }
  template <class M, class B>
  Query& greater(M B::* member, const std::type_identity_t<M>& bound) {
    return add(member, Condition::Is::greater, {encode_cell(bound)});
  }
  template <class M, class B>
  Query& at_least(M B::* member, const std::type_identity_t<M>& bound) {
    return add(member, Condition::Is::at_least, {encode_cell(bound)});
  }

  template <class M, class B>
  Query& order_by(M B::* member, Order order = Order::ascending) {
    selection_.order_column = column(member);
    selection_.order = order;
    return *this;
  }
  // "name", "+name" or "-created_at", a column's name. False, and no change, when there is none
  // such.
  bool order_by_text(std::string_view text) {
    Order order = Order::ascending;
    if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
      if (text[0] == '-') order = Order::descending;
      text.remove_prefix(1);
    }
    auto found = table(model::kNoun<T>).find_column(text);
    if (!found) return false;
    selection_.order_column = *found;
    selection_.order = order;
    return true;
  }

  // Pages count from 1; per_page 1 … limits::kPerPage. Throws Error{bad_request}.
  Query& page(std::int64_t number, std::int64_t per_page) {
    check_page(number, per_page);
    selection_.offset = (number - 1) * per_page;
    selection_.limit = per_page;
    return *this;
  }

  const Selection& selection() const { return selection_; }

 private:
  static void check_page(std::int64_t number, std::int64_t per_page) {
    if (number < 1 || number > INT32_MAX)
      throw Error(Code::bad_request,
                  "The query parameter is invalid: Page must be a positive integer");
    if (per_page < 1 || per_page > static_cast<std::int64_t>(limits::kPerPage))
      throw Error(Code::bad_request,
                  "The query parameter is invalid: Per page must be between 1 and 5000");
  }

  template <class M, class B>
  static std::size_t column(M B::* member) {
    std::size_t i = 0, found = SIZE_MAX;
    model::for_each_field<T>([&](const auto& f) {
      if constexpr (std::same_as<decltype(f.member), M B::*>) {
        if (f.member == member) found = i;
      }
      ++i;
    });
    NURI_ASSERT(found != SIZE_MAX);
    return found;
  }

  template <class M>
  static std::vector<Cell> cells(const std::vector<M>& values) {
    std::vector<Cell> out;
    for (const M& value : values) out.push_back(encode_cell(value));
    return out;
  }

  template <class M, class B>
  Query& add(M B::* member, Condition::Is is, std::vector<Cell> values) {
    selection_.conditions.push_back({column(member), is, std::move(values)});
    return *this;
  }

  Selection selection_;
};

}  // namespace nuri::store
