#include "net/tls_session.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "base/error.h"
#include "base/limits.h"
#include "net/tls_state.h"

namespace nuri::net {
namespace {

using State = TlsSession::State;

int bio_read(BIO* bio, char* into, int size) {
  State& state = *static_cast<State*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (state.in.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const std::size_t n = std::min(state.in.size(), static_cast<std::size_t>(size));
  std::memcpy(into, state.in.data(), n);
  state.in.remove_prefix(n);
  return static_cast<int>(n);
}

int bio_write(BIO* bio, const char* bytes, int size) {
  State& state = *static_cast<State*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const auto n = static_cast<std::size_t>(size);
  if (!state.writing) state.unasked += n;
  if (state.unasked > limits::kTlsUnaskedBytes) return -1;
  state.out.append(bytes, n);
  return size;
}

long bio_ctrl(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

BIO_METHOD* bio_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "nuri");
    NURI_ASSERT(made);
    BIO_meth_set_read(made, bio_read);
    BIO_meth_set_write(made, bio_write);
    BIO_meth_set_ctrl(made, bio_ctrl);
    return made;
  }();
  return method;
}

std::string explain(unsigned long code) {
  if (ERR_GET_LIB(code) != ERR_LIB_SSL) {
    const char* reason = ERR_reason_error_string(code);
    return reason ? reason : "unknown TLS error";
  }
  const int reason = ERR_GET_REASON(code);
  if (reason > SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256)
    return std::string("the peer refused: ") +
           SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET);
  switch (reason) {
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
      return "the peer speaks plain HTTP, not TLS";
    case SSL_R_WRONG_VERSION_NUMBER:
      return "what the peer sends is not TLS";
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
      return "the peer's version of TLS is older than 1.2";
    case SSL_R_NO_SHARED_CIPHER:
      return "no cipher in common";
    case SSL_R_NO_APPLICATION_PROTOCOL:
      return "no protocol in common (ALPN)";
    case SSL_R_CALLBACK_FAILED:
    case SSL_R_CLIENTHELLO_TLSEXT:
      return "no certificate for the name that the peer asks for";
    default:
      break;
  }
  const char* text = ERR_reason_error_string(code);
  return text ? text : "unknown TLS error";
}

// The peer does not trust our certificate.
bool is_distrust(unsigned long code) {
  const int alert = ERR_GET_REASON(code) - SSL_AD_REASON_OFFSET;
  return alert == SSL_AD_UNKNOWN_CA || alert == SSL_AD_BAD_CERTIFICATE ||
         alert == SSL_AD_CERTIFICATE_EXPIRED || alert == SSL_AD_CERTIFICATE_UNKNOWN;
}

}  // namespace

std::unique_ptr<State> State::make(SSL_CTX* context) {
  auto state = std::make_unique<State>();
  state->ssl.reset(SSL_new(context));
  BIO* bio = BIO_new(bio_method());
  NURI_ASSERT(state->ssl && bio);  // as operator new does: out of memory ends the process
  BIO_set_data(bio, state.get());
  BIO_set_init(bio, 1);
  SSL_set_bio(state->ssl.get(), bio, bio);
  SSL_set_app_data(state->ssl.get(), state.get());
  return state;
}

TlsStop State::fail(int result) {
  switch (SSL_get_error(ssl.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return TlsStop::wants_input;
    case SSL_ERROR_ZERO_RETURN:
      return TlsStop::end;
    default:
      break;
  }
  failed = true;
  const unsigned long code = ERR_peek_error();
  if (unasked > limits::kTlsUnaskedBytes)
    failure = "the peer asks for more answers than it reads";
  else if (failure.empty())
    failure = explain(code);
  untrusted = untrusted || is_distrust(code);
  ERR_clear_error();
  return TlsStop::failed;
}

// Forward secrecy and authenticated ciphers only, the order of Mozilla's "intermediate" settings:
// AES-128 first, which nobody breaks and every machine does fastest.
constexpr const char* kSuites13 =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kCiphers12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

SslContextPtr make_tls_context(const SSL_METHOD* method) {
  SslContextPtr context(SSL_CTX_new(method));
  const bool good = context && SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) == 1 &&
                    SSL_CTX_set_ciphersuites(context.get(), kSuites13) == 1 &&
                    SSL_CTX_set_cipher_list(context.get(), kCiphers12) == 1 &&
                    SSL_CTX_set1_groups_list(context.get(), "X25519:P-256:P-384") == 1;
  if (!good)
    throw Error(Code::internal, "OpenSSL cannot be set up for TLS: " + take_openssl_error() +
                                    ". Its configuration (openssl.cnf) may forbid what Nuri needs");
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE |
                                         SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  return context;
}

TlsSession::TlsSession(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsSession::~TlsSession() = default;
TlsSession::TlsSession(TlsSession&&) noexcept = default;
TlsSession& TlsSession::operator=(TlsSession&&) noexcept = default;

std::expected<void, TlsStop> TlsSession::handshake(std::string_view& in) {
  if (state_->failed) return std::unexpected(TlsStop::failed);
  if (established()) return {};
  ERR_clear_error();
  state_->in = in;
  const int result = SSL_do_handshake(state_->ssl.get());
  in = std::exchange(state_->in, {});
  if (result == 1) {
    state_->established = true;
    return {};
  }
  TlsStop stop = state_->fail(result);
  if (stop == TlsStop::end) {
    state_->failed = true;
    state_->failure = "the peer ended the handshake";
    stop = TlsStop::failed;
  }
  return std::unexpected(stop);
}

bool TlsSession::established() const {
  // Not SSL_is_init_finished(): half a message of the peer, a key update say, makes that false.
  return !state_->failed && state_->established;
}

std::expected<std::size_t, TlsStop> TlsSession::read(std::string_view& in, std::span<char> into) {
  NURI_ASSERT(!into.empty());
  if (state_->failed) return std::unexpected(TlsStop::failed);
  ERR_clear_error();
  state_->in = in;
  std::size_t done = 0;
  int result = 1;
  while (done < into.size()) {
    std::size_t n = 0;
    result = SSL_read_ex(state_->ssl.get(), into.data() + done, into.size() - done, &n);
    if (result != 1) break;
    done += n;
  }
  in = std::exchange(state_->in, {});
  // What came before a failure is still delivered; the failure is the next call's.
  if (done > 0) {
    if (result != 1) state_->fail(result);
    return done;
  }
  return std::unexpected(state_->fail(result));
}

bool TlsSession::pending() const { return SSL_pending(state_->ssl.get()) > 0; }
bool TlsSession::between_records() const { return SSL_has_pending(state_->ssl.get()) == 0; }

bool TlsSession::write(std::string_view plain) {
  NURI_ASSERT(established());
  if (plain.empty()) return true;
  const std::size_t records = plain.size() / limits::kTlsRecordBytes + 1;
  constexpr std::size_t kRecordOverhead = 5 + 8 + 16 + 1;  // header, nonce, tag, type
  if (state_->out.empty()) state_->out.reserve(plain.size() + records * kRecordOverhead);
  ERR_clear_error();
  std::size_t n = 0;
  state_->writing = true;
  const int result = SSL_write_ex(state_->ssl.get(), plain.data(), plain.size(), &n);
  state_->writing = false;
  if (result == 1) return true;
  if (state_->fail(result) != TlsStop::failed) {
    state_->failed = true;
    state_->failure = "the peer leaves a message of TLS unfinished";
  }
  return false;
}

void TlsSession::shutdown() {
  if (!established()) return;
  ERR_clear_error();
  SSL_shutdown(state_->ssl.get());
  ERR_clear_error();
}

bool TlsSession::has_output() const { return !state_->out.empty(); }

void TlsSession::take_output(std::string& into) {
  into.clear();
  state_->out.swap(into);
  state_->unasked = 0;
}

const std::string& TlsSession::failure() const { return state_->failure; }
bool TlsSession::untrusted() const { return state_->untrusted; }

std::string_view TlsSession::alpn() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(state_->ssl.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}
std::string_view TlsSession::version() const { return SSL_get_version(state_->ssl.get()); }
std::string_view TlsSession::cipher() const { return SSL_get_cipher_name(state_->ssl.get()); }
bool TlsSession::resumed() const { return SSL_session_reused(state_->ssl.get()) == 1; }
const std::string& TlsSession::host() const { return state_->host; }
ssl_st* TlsSession::native() const { return state_->ssl.get(); }

}  // namespace nuri::net
