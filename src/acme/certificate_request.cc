#include "acme/certificate_request.h"

#include <fmt/format.h>
#include <openssl/x509v3.h>

#include "base/error.h"
#include "base/limits.h"
#include "net/openssl.h"

namespace nuri::acme {
namespace {

void require(bool good) {
  if (!good)
    throw Error(Code::internal, "cannot make a certificate request: " + net::take_openssl_error());
}

void check(std::string_view name) {
  std::string_view host = name;
  if (host.starts_with("*.")) host.remove_prefix(2);
  if (host.empty() || host.size() > 253 || host.find('.') == host.npos || host.front() == '.' ||
      host.back() == '.' || host.find("..") != host.npos ||
      host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-.") != host.npos)
    throw Error(Code::unprocessable,
                fmt::format("no certificate can be ordered for \"{}\": a public host name in lower "
                            "case with a dot is needed, or \"*.\" before one",
                            name));
}

}  // namespace

CertificateRequest make_request(const std::vector<std::string>& names) {
  if (names.empty() || names.size() > limits::kAcmeNames)
    throw Error(Code::unprocessable, fmt::format("a certificate is for 1 to {} names, not {}",
                                                 limits::kAcmeNames, names.size()));
  std::string alternative;
  for (const std::string& name : names) {
    check(name);
    alternative += (alternative.empty() ? "DNS:" : ",DNS:") + name;
  }
  const net::KeyPtr key(EVP_EC_gen("P-256"));
  const std::unique_ptr<X509_REQ, net::FreeWith<X509_REQ_free>> request(X509_REQ_new());
  require(key && request && X509_REQ_set_pubkey(request.get(), key.get()) == 1);
  STACK_OF(X509_EXTENSION)* extensions = sk_X509_EXTENSION_new_null();
  X509_EXTENSION* names_field =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, alternative.c_str());
  const bool added = names_field && sk_X509_EXTENSION_push(extensions, names_field) > 0 &&
                     X509_REQ_add_extensions(request.get(), extensions) == 1;
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  require(added && X509_REQ_sign(request.get(), key.get(), EVP_sha256()) > 0);

  CertificateRequest out;
  unsigned char* der = nullptr;
  const int size = i2d_X509_REQ(request.get(), &der);
  require(size > 0);
  out.der.assign(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  const net::BioPtr bio(BIO_new(BIO_s_mem()));
  require(PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                        nullptr) == 1);
  const char* text = nullptr;
  const long bytes = BIO_get_mem_data(bio.get(), &text);
  out.key_pem.assign(text, static_cast<std::size_t>(bytes));
  return out;
}

}  // namespace nuri::acme
