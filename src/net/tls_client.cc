#include "net/tls_client.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "base/assert.h"
#include "base/error.h"
#include "net/tls_state.h"

namespace nuri::net {
namespace {

using State = TlsSession::State;

bool is_address(const std::string& host) {
  unsigned char space[16];
  return ::inet_pton(AF_INET, host.c_str(), space) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), space) == 1;
}

std::string subject_of(X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0, XN_FLAG_ONELINE);
  const char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(std::max(size, 0L))};
}

// "a.example.com, b.example.com": at most a few of the names that a certificate is for.
std::string names_of(X509* certificate) {
  std::string out;
  auto* all = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  constexpr int kShown = 5;
  int shown = 0;
  for (int i = 0; i < sk_GENERAL_NAME_num(all) && shown < kShown; ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(all, i);
    if (name->type != GEN_DNS) continue;
    if (shown++ > 0) out += ", ";
    out.append(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
               static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
  }
  GENERAL_NAMES_free(all);
  return out.empty() ? "no host" : out;
}

std::string explain(X509_STORE_CTX* store, const std::string& host) {
  const int error = X509_STORE_CTX_get_error(store);
  X509* at = X509_STORE_CTX_get_current_cert(store);
  const std::string who = at ? subject_of(at) : "unknown";
  switch (error) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return fmt::format("the peer's certificate is not for \"{}\": it is for {}", host,
                         at ? names_of(at) : "no host");
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return fmt::format("the certificate of the peer for \"{}\" has expired ({})", host, who);
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return fmt::format(
          "the certificate of the peer for \"{}\" is not valid yet ({}): is this "
          "machine's clock right?",
          host, who);
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return fmt::format("the peer's certificate signs itself and is not among the trusted ({})",
                         who);
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return fmt::format("the root of the peer's certificate is not among the trusted ({})", who);
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return fmt::format(
          "the issuer of the peer's certificate is not among the trusted ({}): an "
          "unknown authority, or the peer leaves out its intermediates",
          who);
    default:
      return fmt::format("the peer's certificate is refused: {} ({})",
                         X509_verify_cert_error_string(error), who);
  }
}

int on_verify(int good, X509_STORE_CTX* store) {
  if (good) return 1;
  const auto* ssl = static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  State& state = State::of(ssl);
  state.untrusted = true;
  state.failure = explain(store, state.host);
  return 0;
}

// Length before each name (RFC 7301 section 3.1).
std::string protocol_list(const std::vector<std::string>& alpn) {
  std::string out;
  for (const std::string& one : alpn) {
    NURI_ASSERT(!one.empty() && one.size() < 256);
    out += static_cast<char>(one.size());
    out += one;
  }
  return out;
}

SslContextPtr make_context(const std::vector<std::string>& alpn) {
  SslContextPtr context = make_tls_context(TLS_client_method());
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, on_verify);
  const std::string list = protocol_list(alpn);
  // Zero is success here.
  NURI_ASSERT(SSL_CTX_set_alpn_protos(context.get(),
                                      reinterpret_cast<const unsigned char*>(list.data()),
                                      static_cast<unsigned>(list.size())) == 0);
  return context;
}

}  // namespace

struct TlsClient::Settings {
  SslContextPtr context;
};

TlsClient::TlsClient(std::vector<std::string> alpn) : settings_(std::make_unique<Settings>()) {
  settings_->context = make_context(alpn);
  if (SSL_CTX_set_default_verify_paths(settings_->context.get()) != 1)
    throw Error(Code::internal,
                "the system's trusted certificates cannot be used: " + take_openssl_error());
  ERR_clear_error();
}

TlsClient::TlsClient(std::string_view roots_pem, std::vector<std::string> alpn)
    : settings_(std::make_unique<Settings>()) {
  settings_->context = make_context(alpn);
  X509_STORE* store = SSL_CTX_get_cert_store(settings_->context.get());
  const BioPtr bio(BIO_new_mem_buf(roots_pem.data(), static_cast<int>(roots_pem.size())));
  int count = 0;
  for (;; ++count) {
    const X509Ptr one(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!one) break;
    NURI_ASSERT(X509_STORE_add_cert(store, one.get()) == 1);
  }
  ERR_clear_error();
  if (count == 0)
    throw Error(Code::unprocessable,
                "the bundle of trusted certificates has none: expected \"-----BEGIN "
                "CERTIFICATE-----\" (PEM)");
}
TlsClient::~TlsClient() = default;

TlsSession TlsClient::connect(std::string_view host) {
  auto state = State::make(settings_->context.get());
  state->host = host;
  SSL* ssl = state->ssl.get();
  SSL_set_connect_state(ssl);
  if (is_address(state->host)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), state->host.c_str());
  } else {
    // RFC 6066 section 3: without the final dot.
    if (state->host.ends_with('.')) state->host.pop_back();
    NURI_ASSERT(SSL_set_tlsext_host_name(ssl, state->host.c_str()) == 1);
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    NURI_ASSERT(SSL_set1_host(ssl, state->host.c_str()) == 1);
  }
  return TlsSession(std::move(state));
}

}  // namespace nuri::net
