#include "net/tls_server.h"

#include <unordered_map>
#include <utility>

#include "base/assert.h"
#include "base/error.h"
#include "base/limits.h"
#include "net/client_hello.h"
#include "net/tls_state.h"
#include "net/tls_ticket.h"

namespace nuri::net {
namespace {

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>()(text);
  }
};

}  // namespace

struct TlsServer::Settings {
  static Settings& of(const SSL* ssl) {
    return *static_cast<Settings*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  }
  std::shared_ptr<const Certificate> find(std::string_view host) const;
  static int on_hello(SSL* ssl, int* alert, void* argument);
  static int on_certificate(SSL* ssl, void* argument);
  static int on_protocols(SSL* ssl, const unsigned char** out, unsigned char* out_size,
                          const unsigned char* in, unsigned in_size, void* argument);
  static int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                       EVP_MAC_CTX* mac, int seal);

  SslContextPtr context;
  TlsTicketKeys keys;
  std::vector<std::string> alpn;
  std::unordered_map<std::string, std::shared_ptr<const Certificate>, TextHash, std::equal_to<>>
      by_name;
  std::shared_ptr<const Certificate> otherwise;
};

std::shared_ptr<const Certificate> TlsServer::Settings::find(std::string_view host) const {
  if (!host.empty()) {
    if (const auto exact = by_name.find(host); exact != by_name.end()) return exact->second;
    if (const auto wild = by_name.find(wildcard_of(host)); wild != by_name.end())
      return wild->second;
  }
  return otherwise;
}

int TlsServer::Settings::on_hello(SSL* ssl, int* alert, void*) {
  auto& session = TlsSession::State::of(ssl);
  session.host = host_of_hello(ssl);
  session.chosen = of(ssl).find(session.host);
  if (session.chosen) return SSL_CLIENT_HELLO_SUCCESS;
  session.failure = session.host.empty()
                        ? "the client names no host, and there is no default certificate"
                        : "there is no certificate for \"" + session.host + "\"";
  *alert = SSL_AD_UNRECOGNIZED_NAME;
  return SSL_CLIENT_HELLO_ERROR;
}

// Not called for a resumed session, which needs no certificate.
int TlsServer::Settings::on_certificate(SSL* ssl, void*) {
  const auto chosen = std::exchange(TlsSession::State::of(ssl).chosen, nullptr);
  if (!chosen) return 0;
  STACK_OF(X509)* rest = sk_X509_new_null();
  bool good = rest != nullptr;
  for (X509* one : chosen->intermediates()) good = good && sk_X509_push(rest, one) > 0;
  good = good && SSL_use_cert_and_key(ssl, chosen->leaf(), chosen->key(), rest, 1) == 1;
  sk_X509_free(rest);
  return good ? 1 : 0;
}

int TlsServer::Settings::on_protocols(SSL* ssl, const unsigned char** out, unsigned char* out_size,
                                      const unsigned char* in, unsigned in_size, void*) {
  const std::string_view offered(reinterpret_cast<const char*>(in), in_size);
  for (const std::string& wanted : of(ssl).alpn)
    for (std::size_t at = 0; at < offered.size();) {
      const auto size = static_cast<unsigned char>(offered[at]);
      if (offered.substr(at + 1, size) == wanted) {
        *out = in + at + 1;
        *out_size = size;
        return SSL_TLSEXT_ERR_OK;
      }
      at += 1 + size;
    }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

int TlsServer::Settings::on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv,
                                   EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int seal) {
  return seal_or_open_ticket(of(ssl).keys, ssl, name, iv, cipher, mac, seal != 0);
}

TlsServer::TlsServer(TlsTicketKeys keys, std::vector<std::string> alpn)
    : settings_(std::make_unique<Settings>()) {
  settings_->context = make_tls_context(TLS_server_method());
  settings_->keys = std::move(keys);
  settings_->alpn = std::move(alpn);
  SSL_CTX* context = settings_->context.get();
  SSL_CTX_set_app_data(context, settings_.get());
  SSL_CTX_set_client_hello_cb(context, Settings::on_hello, nullptr);
  SSL_CTX_set_cert_cb(context, Settings::on_certificate, nullptr);
  if (!settings_->alpn.empty())
    SSL_CTX_set_alpn_select_cb(context, Settings::on_protocols, nullptr);
  // Sessions live in the clients' tickets alone, so any thread can resume them.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, Settings::on_ticket);
  SSL_CTX_set_timeout(
      context, std::chrono::duration_cast<std::chrono::seconds>(limits::kTlsTicketLife).count());
  constexpr unsigned char kContext[] = {'n', 'u', 'r', 'i'};
  NURI_ASSERT(SSL_CTX_set_session_id_context(context, kContext, sizeof kContext) == 1);
}
TlsServer::~TlsServer() = default;

bool TlsServer::put(std::string name, std::shared_ptr<const Certificate> certificate) {
  NURI_ASSERT(certificate);
  auto& all = settings_->by_name;
  if (all.size() >= limits::kTlsCertificates && !all.contains(name)) return false;
  all.insert_or_assign(std::move(name), std::move(certificate));
  return true;
}

bool TlsServer::remove(std::string_view name) {
  const auto found = settings_->by_name.find(name);
  if (found == settings_->by_name.end()) return false;
  settings_->by_name.erase(found);
  return true;
}

void TlsServer::set_default(std::shared_ptr<const Certificate> certificate) {
  settings_->otherwise = std::move(certificate);
}
void TlsServer::set_ticket_keys(TlsTicketKeys keys) { settings_->keys = std::move(keys); }
std::size_t TlsServer::names() const { return settings_->by_name.size(); }
std::shared_ptr<const Certificate> TlsServer::find(std::string_view host) const {
  return settings_->find(host);
}

TlsSession TlsServer::accept() {
  auto state = TlsSession::State::make(settings_->context.get());
  SSL_set_accept_state(state->ssl.get());
  return TlsSession(std::move(state));
}

}  // namespace nuri::net
