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
                 fmt::format("{} is not trusted, nothing was sent: {}. An authority of your own is "
                             "trusted from then on with: nuri login -a {} --ca FILE",
                             api, why.empty() ? describe(error) : why, api));
  if (error == IoError::refused)
    return Error(
        Code::unavailable,
        fmt::format("connect to {}: connection refused; is Nuri up there? (here: make up)", api));
  const Error plain = error_of(error, fmt::format("talk to {}", api));
  if (why.empty()) return plain;
  return Error(plain.code(), fmt::format("talk to {}: {}", api, why));
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
