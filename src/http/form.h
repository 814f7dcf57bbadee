#pragma once

// Content of type application/x-www-form-urlencoded (WHATWG URL standard, section 5).

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nuri::http {

class Form {
 public:
  // Nullopt for a broken escape, or more than limits::kFormFields fields.
  static std::optional<Form> parse(std::string_view text);

  // The first value of that name; nullopt if there is none.
  std::optional<std::string_view> get(std::string_view name) const;
  void add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }
  std::string str() const;
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

}  // namespace nuri::http
