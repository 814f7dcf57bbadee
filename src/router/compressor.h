#pragma once

// Compresses one answer's content as it comes.

#include <memory>
#include <string>
#include <string_view>

#include "router/compression.h"

namespace nuri::router {

class Compressor {
 public:
  // Counts itself in `in_use` as long as it lives.
  explicit Compressor(std::size_t& in_use) : in_use_(in_use) { ++in_use_; }
  virtual ~Compressor() { --in_use_; }
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;
  enum class Then {
    more,   // what comes out may wait for more
    flush,  // all that went in can be read by the client
    end,
  };
  // Appends what comes out to `out`. False: it failed, and the answer cannot go on.
  virtual bool add(std::string_view data, Then then, std::string& out) = 0;

 private:
  std::size_t& in_use_;
};

// About 270 KiB for gzip, 340 KiB for zstd. Null: for Coding::none, when there is no memory, or
// limits::kCompressions are in use.
std::unique_ptr<Compressor> make_compressor(Coding coding, std::size_t& in_use);

}  // namespace nuri::router
