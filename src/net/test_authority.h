#pragma once

// An authority for tests: a root, one that it signed, and certificates for hosts from the latter.

#include <gtest/gtest.h>
#include <openssl/x509v3.h>

#include <string>

#include "net/certificate.h"
#include "net/openssl.h"

namespace nuri::net {

class TestAuthority {
 public:
  explicit TestAuthority(std::string name) : TestAuthority(std::move(name), nullptr) {}
  // Signed by `above`, which outlives it.
  TestAuthority(std::string name, const TestAuthority* above)
      : above_(above), key_(EVP_EC_gen("P-256")) {
    certificate_ = make(name, key_.get(), above ? *above : *this,
                        {{NID_basic_constraints, "critical,CA:TRUE"},
                         {NID_key_usage, "critical,keyCertSign,cRLSign"}},
                        0, 86'400);
  }

  std::string pem() const { return text(certificate_.get()); }
  // The chain below the root and its key, valid between these seconds from now.
  PemPair issue(const std::string& host, long from = -3600, long until = 86'400) const {
    const KeyPtr key(EVP_EC_gen("P-256"));
    const X509Ptr made =
        make(host, key.get(), *this, {{NID_subject_alt_name, "DNS:" + host}}, from, until);
    const BioPtr bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    return {text(made.get()) + (above_ ? pem() : ""), text(bio.get())};
  }

 private:
  using Extensions = std::vector<std::pair<int, std::string>>;
  static X509Ptr make(const std::string& name, EVP_PKEY* key, const TestAuthority& by,
                      const Extensions& extensions, long from, long until) {
    X509Ptr out(X509_new());
    X509_set_version(out.get(), X509_VERSION_3);
    static int serial = 0;
    ASN1_INTEGER_set(X509_get_serialNumber(out.get()), ++serial);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(out.get()), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509* issuer = by.certificate_ ? by.certificate_.get() : out.get();
    X509_set_issuer_name(out.get(), X509_get_subject_name(issuer));
    X509_gmtime_adj(X509_getm_notBefore(out.get()), from);
    X509_gmtime_adj(X509_getm_notAfter(out.get()), until);
    X509_set_pubkey(out.get(), key);
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, out.get(), nullptr, nullptr, 0);
    for (const auto& [nid, value] : extensions) {
      X509_EXTENSION* one = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
      X509_add_ext(out.get(), one, -1);
      X509_EXTENSION_free(one);
    }
    EXPECT_GT(X509_sign(out.get(), by.key_.get(), EVP_sha256()), 0);
    return out;
  }
  static std::string text(BIO* bio) {
    const char* bytes = nullptr;
    const long size = BIO_get_mem_data(bio, &bytes);
    return {bytes, static_cast<std::size_t>(size)};
  }
  static std::string text(X509* certificate) {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), certificate);
    return text(bio.get());
  }

  const TestAuthority* above_;
  KeyPtr key_;
  X509Ptr certificate_;
};

}  // namespace nuri::net
