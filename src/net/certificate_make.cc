#include <arpa/inet.h>
#include <openssl/x509v3.h>

#include "base/error.h"
#include "net/certificate.h"
#include "net/openssl.h"

namespace nuri::net {
namespace {

void require(bool good) {
  if (!good) throw Error(Code::internal, "cannot make a certificate: " + take_openssl_error());
}

// Letters, digits, hyphens, dots and underscores; a wildcard is the first label alone.
bool is_dns_name(std::string_view name) {
  if (name.starts_with("*.")) name.remove_prefix(2);
  if (name.empty() || name.size() > 253 || name.front() == '.' || name.back() == '.') return false;
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-._") == name.npos &&
         name.find("..") == name.npos;
}

// "DNS:a.example.com,IP:127.0.0.1"
std::string alternative_names(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) {
    unsigned char space[16];
    const bool address = ::inet_pton(AF_INET, name.c_str(), space) == 1 ||
                         ::inet_pton(AF_INET6, name.c_str(), space) == 1;
    if (!address && !is_dns_name(name))
      throw Error(Code::unprocessable, "\"" + name +
                                           "\" is no name for a certificate: lower-case host "
                                           "names, \"*.HOST\" and addresses are");
    if (!out.empty()) out += ",";
    out += (address ? "IP:" : "DNS:") + name;
  }
  if (out.empty()) throw Error(Code::unprocessable, "a certificate needs at least one name");
  return out;
}

void add_extension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, FreeWith<X509_EXTENSION_free>> made(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  require(made && X509_add_ext(certificate, made.get(), -1) == 1);
}

void set_identity(X509* certificate, const std::string& name) {
  ASN1_INTEGER* serial = X509_get_serialNumber(certificate);
  const std::unique_ptr<BIGNUM, FreeWith<BN_free>> number(BN_new());
  require(number && BN_rand(number.get(), 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
          BN_to_ASN1_INTEGER(number.get(), serial) != nullptr);
  X509_NAME* subject = X509_get_subject_name(certificate);
  // A common name is at most 64 bytes (X.520); clients look at the alternative names alone.
  const std::string common = name.size() <= 64 ? name : "nuri";
  require(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                     reinterpret_cast<const unsigned char*>(common.c_str()), -1, -1,
                                     0) == 1 &&
          X509_set_issuer_name(certificate, subject) == 1);
}

template <class Write>
std::string pem(Write write) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  require(bio && write(bio.get()) == 1);
  const char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

}  // namespace

PemPair make_self_signed(const std::vector<std::string>& names, WallTime now, Duration validity) {
  const std::string san = alternative_names(names);
  const KeyPtr key(EVP_EC_gen("P-256"));
  const X509Ptr made(X509_new());
  require(key && made && X509_set_version(made.get(), X509_VERSION_3) == 1);
  set_identity(made.get(), names.front());
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t begin = now.ns / kSecond - 3600, end = (now + validity).ns / kSecond;
  require(ASN1_TIME_set(X509_getm_notBefore(made.get()), begin) &&
          ASN1_TIME_set(X509_getm_notAfter(made.get()), end) &&
          X509_set_pubkey(made.get(), key.get()) == 1);
  add_extension(made.get(), NID_subject_key_identifier, "hash");
  add_extension(made.get(), NID_basic_constraints, "critical,CA:FALSE");
  add_extension(made.get(), NID_key_usage, "critical,digitalSignature");
  add_extension(made.get(), NID_ext_key_usage, "serverAuth");
  add_extension(made.get(), NID_subject_alt_name, san);
  require(X509_sign(made.get(), key.get(), EVP_sha256()) > 0);
  PemPair out;
  out.chain = pem([&](BIO* to) { return PEM_write_bio_X509(to, made.get()); });
  out.key = pem([&](BIO* to) {
    return PEM_write_bio_PKCS8PrivateKey(to, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  return out;
}

}  // namespace nuri::net
