#pragma once

// What every BlobWriter does with the bytes, wherever they go: count, hash, compare.

#include <fmt/format.h>

#include "base/error.h"
#include "image/blob_store.h"

namespace nuri::image {

class CheckedBytes {
 public:
  explicit CheckedBytes(Expected expected) : expected_(std::move(expected)) {}

  std::uint64_t size() const { return size_; }

  void add(std::string_view bytes) {
    size_ += bytes.size();
    if (expected_.size && size_ > *expected_.size)
      throw Error(Code::too_large, fmt::format("{} is longer than the {} bytes that were announced",
                                               name(), *expected_.size));
    hasher_.update(bytes);
  }

  // unprocessable if the bytes are not what was expected.
  BlobInfo finish() {
    const Digest digest = hasher_.finish();
    if (expected_.size && size_ != *expected_.size)
      throw Error(Code::unprocessable, fmt::format("{} ends after {} of {} bytes; send it again",
                                                   name(), size_, *expected_.size));
    if (!expected_.digest.empty() && digest != expected_.digest)
      throw Error(
          Code::unprocessable,
          fmt::format("{} arrived as {}: damaged on the way; send it again", name(), digest.str()));
    return {digest, size_};
  }

 private:
  std::string name() const {
    return expected_.digest.empty() ? "the blob" : "blob " + expected_.digest.str();
  }

  Expected expected_;
  Hasher hasher_;
  std::uint64_t size_ = 0;
};

}  // namespace nuri::image
