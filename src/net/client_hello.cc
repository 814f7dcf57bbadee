#include "net/client_hello.h"

#include <string_view>

#include "net/openssl.h"

namespace nuri::net {
namespace {

constexpr std::size_t kLongestHost = 255;

// The next field with a length of two bytes before it, taken off `bytes`; empty if it is not whole.
std::string_view take_field(std::string_view& bytes) {
  if (bytes.size() < 2) return {};
  const std::size_t size =
      std::size_t{static_cast<unsigned char>(bytes[0])} << 8 | static_cast<unsigned char>(bytes[1]);
  if (size > bytes.size() - 2) return {};
  const std::string_view field = bytes.substr(2, size);
  bytes.remove_prefix(2 + size);
  return field;
}

bool in_host(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

}  // namespace

std::string host_of_hello(SSL* ssl) {
  const unsigned char* bytes = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &bytes, &size) != 1) return {};
  std::string_view extension(reinterpret_cast<const char*>(bytes), size);
  std::string_view list = take_field(extension);
  // One name of the one type there is (RFC 6066: no two of a type).
  if (list.empty() || list.front() != TLSEXT_NAMETYPE_host_name) return {};
  list.remove_prefix(1);
  std::string host(take_field(list));
  if (host.ends_with('.')) host.pop_back();
  if (host.empty() || host.size() > kLongestHost) return {};
  for (char& c : host) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (!in_host(c)) return {};
  }
  return host;
}

}  // namespace nuri::net
