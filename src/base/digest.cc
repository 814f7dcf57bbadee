#include "base/digest.h"

#include <openssl/evp.h>

#include <array>

#include "base/assert.h"
#include "base/encoding.h"

namespace nuri {

struct Hasher::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  Kind kind = Kind::sha256;
  ~State() { EVP_MD_CTX_free(context); }
};

Hasher::Hasher(Kind kind) : state_(std::make_unique<State>()) {
  state_->kind = kind;
  const EVP_MD* md = kind == Kind::sha256 ? EVP_sha256() : EVP_sha1();
  NURI_ASSERT(EVP_DigestInit_ex(state_->context, md, nullptr) == 1);
}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::update(std::string_view bytes) {
  NURI_ASSERT(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
}

std::string Hasher::finish_hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out;
  unsigned length = 0;
  NURI_ASSERT(EVP_DigestFinal_ex(state_->context, out.data(), &length) == 1);
  return nuri::hex({reinterpret_cast<const char*>(out.data()), length});
}

Digest Hasher::finish() {
  NURI_ASSERT(state_->kind == Kind::sha256);
  return Digest::from_hex(finish_hex());
}

Digest Digest::of(std::string_view bytes) {
  Hasher hasher;
  hasher.update(bytes);
  return hasher.finish();
}

std::optional<Digest> Digest::parse(std::string_view text) {
  constexpr std::string_view kPrefix = "sha256:";
  if (!text.starts_with(kPrefix) || text.size() != kPrefix.size() + 64) return std::nullopt;
  text.remove_prefix(kPrefix.size());
  for (char c : text)
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return std::nullopt;
  return Digest(std::string(text));
}

}  // namespace nuri
