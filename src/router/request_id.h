#pragma once

// RequestId: what the router calls a request, and its span in traces: 32 random hex digits.

#include <array>
#include <string_view>

#include "base/encoding.h"
#include "base/random.h"

namespace nuri::router {

class RequestId {
 public:
  explicit RequestId(Random& random) {
    std::array<unsigned char, 16> bytes;
    random.fill(bytes);
    hex_digits(bytes, digits_.data());
  }
  std::string_view text() const { return {digits_.data(), digits_.size()}; }

 private:
  std::array<char, 32> digits_;
};

}  // namespace nuri::router
