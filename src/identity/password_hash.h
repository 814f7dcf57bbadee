#pragma once

// Passwords as they are stored: behind an interface, because a real hash is made to be slow and a
// simulation must not pay for it.

#include <string>
#include <string_view>

namespace nuri::identity {

class PasswordHash {
 public:
  virtual ~PasswordHash() = default;
  // A text that holds everything that verify needs, another each time. Any thread.
  virtual std::string hash(std::string_view password) = 0;
  // False also when `hash` is not a hash of this kind. Any thread.
  virtual bool verify(const std::string& hash, std::string_view password) = 0;
};

// argon2id (RFC 9106) by libsodium with its interactive limits: about 75 ms and 64 MiB for each
// call. Blocking: on the BlockingPool. Throws Error{unavailable} when there is no memory for it.
class Argon2idHash final : public PasswordHash {
 public:
  Argon2idHash();
  std::string hash(std::string_view password) override;
  bool verify(const std::string& hash, std::string_view password) override;
};

// For tests and simulation only: fast and worthless.
class FakePasswordHash final : public PasswordHash {
 public:
  std::string hash(std::string_view password) override;
  bool verify(const std::string& hash, std::string_view password) override;
};

}  // namespace nuri::identity
