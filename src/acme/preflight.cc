#include "acme/preflight.h"

#include <fmt/format.h>

#include <array>

#include "async/deadline.h"
#include "base/encoding.h"
#include "base/limits.h"

namespace nuri::acme {
namespace {

std::string word(Random& random) {
  std::array<unsigned char, 18> bytes;
  random.fill(bytes);
  return base64url({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

Task<Fetcher::Fetched> ask(http::Client& client, std::string url) {
  Fetcher::Fetched out;
  std::string why;
  auto answer = co_await client.request({.url = std::move(url), .why = &why});
  if (!answer) {
    out.failure = why.empty() ? std::string(describe(answer.error())) : why;
    co_return out;
  }
  out.status = answer->status;
  constexpr std::size_t kEnough = 4 * limits::kKiB;
  auto body = co_await http::read_all(*answer->body, kEnough);
  // Too much is an answer too, and not ours.
  if (body) out.body = std::move(*body);
  if (!body && body.error() != IoError::too_large) out.failure = describe(body.error());
  co_return out;
}

}  // namespace

Task<Fetcher::Fetched> ClientFetcher::fetch(std::string url) {
  co_return co_await async::within(limits::kAcmeProbeDeadline, ask(client_, std::move(url)));
}

Task<std::optional<std::string>> preflight(std::string name, std::uint16_t port,
                                           ChallengeResponder& responder, Fetcher& fetcher,
                                           Random& random) {
  constexpr std::uint16_t kHttp = 80;
  const std::string token = word(random), value = word(random);
  const std::string at = port == kHttp ? name : fmt::format("{}:{}", name, port);
  const std::string url = fmt::format("http://{}/.well-known/acme-challenge/{}", at, token);
  co_await responder.set(token, value);
  std::exception_ptr failed;
  Fetcher::Fetched got;
  try {
    got = co_await fetcher.fetch(url);
  } catch (const std::exception&) {
    failed = std::current_exception();
  }
  co_await async::shielded(limits::kAcmeProbeDeadline, responder.clear(token));
  if (failed) std::rethrow_exception(failed);
  if (got.failure.empty() && got.status == 200 && got.body == value) co_return std::nullopt;
  if (!got.failure.empty())
    co_return fmt::format(
        "{} cannot be reached on port {} ({}): tried {}. Its A and AAAA records must lead to this "
        "machine, and port {} must be open in every firewall before it.",
        name, port, got.failure, url, port);
  co_return fmt::format(
      "{} is answered by something that is not this Nuri (status {}): tried {}. Its A and AAAA "
      "records lead to another machine, or a proxy before this one does not pass "
      "/.well-known/acme-challenge/ on.",
      name, got.status, url);
}

}  // namespace nuri::acme
