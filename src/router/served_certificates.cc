#include "router/served_certificates.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>

#include "async/deadline.h"
#include "base/error.h"
#include "base/limits.h"

namespace nuri::router {
namespace {

constexpr Duration kSelfSigned = 24h * 365;
constexpr Duration kRotation = 4h;

std::string pem_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw system_error(fmt::format("reading {}", path), errno);
  std::string text(limits::kPemBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > limits::kPemBytes)
    throw Error(Code::too_large,
                fmt::format("{} has more than {} KiB", path, limits::kPemBytes / limits::kKiB));
  return text;
}

std::shared_ptr<const net::Certificate> certificate_in(const TableFile::CertificateFiles& files) {
  const std::string chain = pem_of(files.chain), key = pem_of(files.key);
  try {
    return net::Certificate::parse(chain, key);
  } catch (const Error& error) {
    throw error.within(files.chain);
  }
}

std::shared_ptr<const net::Certificate> self_signed() {
  const auto pem =
      net::make_self_signed({"localhost", "*.localhost"}, SystemClock().wall(), kSelfSigned);
  return net::Certificate::parse(pem.chain, pem.key);
}

}  // namespace

void ServedCertificates::read(const std::vector<TableFile::CertificateFiles>& files) {
  ByName next;
  for (const auto& one : files) {
    const auto certificate = certificate_in(one);
    for (const auto& name : certificate->names()) next.emplace(name, certificate);
    next.emplace("", certificate);
  }
  // Made once: browsers that trust it shall go on.
  if (files.empty() && !served_.contains("localhost")) next.emplace("", self_signed());
  if (!next.empty()) serve(std::move(next));
}

void ServedCertificates::serve(ByName next) {
  for (auto& worker : workers_) {
    for (const auto& [name, certificate] : served_)
      if (!next.contains(name)) worker->put_certificate(name, nullptr);
    for (const auto& [name, certificate] : next) {
      const auto before = served_.find(name);
      if (before == served_.end() || before->second->fingerprint() != certificate->fingerprint())
        worker->put_certificate(name, certificate);
    }
  }
  served_ = std::move(next);
}

net::TlsTicketKeys ServedCertificates::first_keys() {
  SystemRandom kernel;
  return net::TlsTicketKeys::make(kernel);
}

Task<void> ServedCertificates::rotate_keys(net::TlsTicketKeys keys) {
  SystemRandom kernel;
  while (co_await async::sleep(kRotation)) {
    keys = keys.rotated(kernel);
    for (auto& worker : workers_) worker->set_ticket_keys(keys);
  }
}

}  // namespace nuri::router
