#include "cli/connection.h"

#include <fmt/format.h>

#include "cli/pem_file.h"

namespace nuri::cli {
namespace {

const std::vector<std::string> kProtocols{"http/1.1"};

std::unique_ptr<net::TlsClient> tls_for(const Session& session) {
  if (!session.api().starts_with("https:")) return nullptr;
  if (session.trusted().empty()) return std::make_unique<net::TlsClient>(kProtocols);
  return std::make_unique<net::TlsClient>(session.trusted(), kProtocols);
}

}  // namespace

Connection::Connection(async::Loop& loop, async::BlockingPool& pool, const Session& session)
    : tls_(tls_for(session)), dialer_(loop, &pool, tls_.get()), client_(loop, dialer_) {}

Error connection_error(IoError error, std::string_view api, std::string_view why) {
  if (error == IoError::untrusted)
    // No retry will help: not `unavailable`.
    return Error(Code::forbidden,
                 fmt::format("{} is not trusted, nothing was sent: {}. If an authority of your own "
                             "signed for it: nuri login -a {} --ca FILE",
                             api, why.empty() ? describe(error) : why, api));
  if (error == IoError::refused)
    return Error(
        Code::unavailable,
        fmt::format("connect to {}: connection refused; is Nuri up there? (here: make up)", api));
  const Error plain = error_of(error, fmt::format("talk to {}", api));
  if (why.empty()) return plain;
  // The dialer's word is on the connection: no request was malformed.
  const Code code = error == IoError::malformed ? Code::unavailable : plain.code();
  return Error(code, fmt::format("talk to {}: {}", api, why));
}

void refuse_redirect(const http::ClientResponse& answer, std::string_view api) {
  if (answer.status < 300 || answer.status >= 400) return;
  std::string to = "another address";
  if (const auto location = answer.headers.get("Location"))
    if (const auto url = http::Url::parse(*location)) to = url->origin();
  throw Error(Code::bad_request,
              fmt::format("{} sends on to {}: log in there, with nuri login -a", api, to));
}

std::string read_roots(const std::string& path) {
  const std::string text = read_pem_file(path);
  try {
    const net::TlsClient tried(text, kProtocols);
  } catch (const Error& error) {
    throw error.within(path);
  }
  return text;
}

}  // namespace nuri::cli
