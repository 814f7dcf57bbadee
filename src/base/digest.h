#pragma once

// Content digests. Blobs, layers and files are named by SHA-256; SHA-1 is only what Cloud Foundry's
// clients send in resource_matches.

#include <compare>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace nuri {

// "sha256:" and 64 lower-case hex characters (OCI image spec, descriptor.md, digests).
class Digest {
 public:
  Digest() = default;  // empty: "none"
  static std::optional<Digest> parse(std::string_view text);
  static Digest of(std::string_view bytes);
  static Digest from_hex(std::string hex64) { return Digest(std::move(hex64)); }

  bool empty() const { return hex_.empty(); }
  const std::string& hex() const { return hex_; }
  std::string str() const { return "sha256:" + hex_; }
  friend auto operator<=>(const Digest&, const Digest&) = default;
  friend bool operator==(const Digest&, const Digest&) = default;

 private:
  explicit Digest(std::string hex64) : hex_(std::move(hex64)) {}
  std::string hex_;
};

// Incremental hash of a stream. Not thread-safe.
class Hasher {
 public:
  enum class Kind { sha256, sha1 };
  explicit Hasher(Kind kind = Kind::sha256);
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  void update(std::string_view bytes);
  // Lower-case hex; the hasher may not be used afterwards.
  std::string finish_hex();
  Digest finish();  // sha256 only

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace nuri
