#include "store/row.h"

namespace nuri::store::detail {

std::int64_t cell_int(const Cell& cell) {
  if (const auto* number = std::get_if<std::int64_t>(&cell)) return *number;
  throw Error(Code::data_loss, "expected a number in the database");
}

const std::string& cell_text(const Cell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  throw Error(Code::data_loss, "expected a text in the database");
}

}  // namespace nuri::store::detail
