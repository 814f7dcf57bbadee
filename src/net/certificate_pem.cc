#include "net/certificate_pem.h"

#include <algorithm>

#include "base/error.h"
#include "net/openssl.h"

namespace nuri::net {
namespace {

void require(bool good) {
  if (!good) throw Error(Code::internal, "cannot write a certificate: " + take_openssl_error());
}

std::string text_of(BIO* bio) {
  const char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  return {text, static_cast<std::size_t>(std::max(size, 0L))};
}

}  // namespace

PemPair pem_of(const Certificate& certificate) {
  const BioPtr chain(BIO_new(BIO_s_mem())), key(BIO_new(BIO_s_mem()));
  require(chain && key && PEM_write_bio_X509(chain.get(), certificate.leaf()) == 1);
  for (X509* one : certificate.intermediates()) require(PEM_write_bio_X509(chain.get(), one) == 1);
  require(PEM_write_bio_PKCS8PrivateKey(key.get(), certificate.key(), nullptr, nullptr, 0, nullptr,
                                        nullptr) == 1);
  return {text_of(chain.get()), text_of(key.get())};
}

}  // namespace nuri::net
