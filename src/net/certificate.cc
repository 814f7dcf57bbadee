#include "net/certificate.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "base/error.h"
#include "base/limits.h"
#include "net/openssl.h"

namespace nuri::net {
namespace {

[[noreturn]] void refuse(std::string message) {
  ERR_clear_error();
  throw Error(Code::unprocessable, std::move(message));
}

BioPtr reader(std::string_view text, std::string_view what) {
  if (text.size() > limits::kPemBytes)
    refuse(fmt::format("the {} is over {} KiB: this is not a PEM file", what,
                       limits::kPemBytes / limits::kKiB));
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string one_line(const X509_NAME* name) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
  const char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(std::max(size, 0L))};
}

std::vector<X509Ptr> parse_chain(std::string_view pem) {
  const BioPtr bio = reader(pem, "certificate");
  std::vector<X509Ptr> chain;
  while (X509* one = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    chain.emplace_back(one);
    if (chain.size() > limits::kCertificateChain)
      refuse(
          fmt::format("the certificate file has more than {} certificates: give the site's "
                      "certificate and its intermediates, not a bundle of authorities",
                      limits::kCertificateChain));
  }
  const unsigned long end = ERR_peek_last_error();
  if (ERR_GET_REASON(end) != PEM_R_NO_START_LINE)
    refuse(fmt::format("certificate number {} of the file cannot be read: {}", chain.size() + 1,
                       take_openssl_error()));
  ERR_clear_error();
  if (chain.empty())
    refuse(
        "the certificate file has no certificate: expected \"-----BEGIN CERTIFICATE-----\" "
        "(PEM)");
  return chain;
}

int no_password(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

KeyPtr parse_key(std::string_view pem) {
  const BioPtr bio = reader(pem, "key");
  bool asked = false;
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, &asked));
  if (asked)
    refuse(
        "the key is encrypted with a pass phrase: decrypt it first "
        "(openssl pkey -in KEY -out PLAIN_KEY)");
  if (!key && pem.find("PRIVATE KEY-----") == pem.npos)
    refuse("the key file has no key: expected \"-----BEGIN PRIVATE KEY-----\" (PEM)");
  if (!key) refuse("the key cannot be read: " + take_openssl_error());
  return key;
}

void check_strength(EVP_PKEY* key) {
  // What OpenSSL's security level 2 asks of a server's key.
  const int bits = EVP_PKEY_get_security_bits(key);
  if (bits < 112)
    refuse(
        fmt::format("the key is too weak ({} bits): clients refuse it. Make one with at least "
                    "2048 bits (RSA) or 256 (EC)",
                    EVP_PKEY_get_bits(key)));
}

void check_order(const std::vector<X509Ptr>& chain, EVP_PKEY* key) {
  for (std::size_t i = 0; i < chain.size(); ++i) {
    if (X509_check_private_key(chain[i].get(), key) != 1) continue;
    if (i > 0)
      refuse(
          fmt::format("the chain is in the wrong order: the key belongs to certificate number "
                      "{} ({}). Put the site's own certificate first, then its intermediates",
                      i + 1, one_line(X509_get_subject_name(chain[i].get()))));
    for (std::size_t next = 1; next < chain.size(); ++next)
      if (X509_check_issued(chain[next].get(), chain[next - 1].get()) != X509_V_OK)
        refuse(
            fmt::format("the chain is in the wrong order: certificate number {} ({}) did not "
                        "issue number {} ({}, issued by {})",
                        next + 1, one_line(X509_get_subject_name(chain[next].get())), next,
                        one_line(X509_get_subject_name(chain[next - 1].get())),
                        one_line(X509_get_issuer_name(chain[next - 1].get()))));
    return;
  }
  refuse(
      fmt::format("the key does not belong to the certificate ({}): they are of different "
                  "requests, or files were mixed up",
                  one_line(X509_get_subject_name(chain.front().get()))));
}

std::string address_text(const ASN1_OCTET_STRING* address) {
  char text[INET6_ADDRSTRLEN] = {};
  const int family = address->length == 4 ? AF_INET : AF_INET6;
  if (address->length != 4 && address->length != 16) return {};
  return ::inet_ntop(family, address->data, text, sizeof text) ? text : "";
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

std::vector<std::string> names_of(X509* certificate) {
  std::vector<std::string> names;
  auto* all = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(all, i);
    if (name->type == GEN_DNS)
      names.push_back(lower({reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                             static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName))}));
    if (name->type == GEN_IPADD)
      if (auto address = address_text(name->d.iPAddress); !address.empty())
        names.push_back(std::move(address));
  }
  GENERAL_NAMES_free(all);
  if (names.empty())
    refuse(
        fmt::format("the certificate ({}) has no names (subjectAltName): browsers trust it for "
                    "no host",
                    one_line(X509_get_subject_name(certificate))));
  return names;
}

WallTime wall(const ASN1_TIME* time) {
  const std::unique_ptr<ASN1_TIME, FreeWith<ASN1_TIME_free>> epoch(ASN1_TIME_set(nullptr, 0));
  int days = 0, seconds = 0;
  if (ASN1_TIME_diff(&days, &seconds, epoch.get(), time) != 1)
    refuse("the certificate's dates cannot be read");
  // Far futures (9999-12-31 is common) end where 64 bits of nanoseconds do.
  const std::int64_t whole = std::int64_t{days} * 86'400 + seconds;
  constexpr std::int64_t kLast = INT64_MAX / 1'000'000'000;
  return WallTime{std::clamp(whole, -kLast, kLast) * 1'000'000'000};
}

Digest der_digest(X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  if (size <= 0) refuse("the certificate cannot be encoded");
  const Digest digest =
      Digest::of({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  return digest;
}

}  // namespace

std::shared_ptr<const Certificate> Certificate::parse(std::string_view chain_pem,
                                                      std::string_view key_pem) {
  ERR_clear_error();
  std::vector<X509Ptr> chain = parse_chain(chain_pem);
  KeyPtr key = parse_key(key_pem);
  check_order(chain, key.get());
  check_strength(key.get());
  X509* leaf = chain.front().get();
  const std::shared_ptr<Certificate> out(new Certificate);
  out->names_ = names_of(leaf);
  out->not_before_ = wall(X509_get0_notBefore(leaf));
  out->not_after_ = wall(X509_get0_notAfter(leaf));
  out->fingerprint_ = der_digest(leaf);
  out->issuer_ = one_line(X509_get_issuer_name(leaf));
  out->chain_.reserve(chain.size());
  for (X509Ptr& one : chain) out->chain_.push_back(one.release());
  out->key_ = key.release();
  ERR_clear_error();
  return out;
}

Certificate::~Certificate() {
  for (X509* one : chain_) X509_free(one);
  EVP_PKEY_free(key_);
}

bool Certificate::covers(std::string_view host) const {
  const std::string wildcard = wildcard_of(host);
  return std::ranges::any_of(names_, [&](const std::string& name) {
    return name == host || (!wildcard.empty() && name == wildcard);
  });
}

std::string wildcard_of(std::string_view host) {
  const std::size_t dot = host.find('.');
  if (dot == host.npos || dot == 0 || dot + 1 == host.size()) return {};
  return "*" + std::string(host.substr(dot));
}

}  // namespace nuri::net
