#include "acme/challenge.h"

#include <fmt/format.h>

#include "acme/account_key.h"
#include "async/child.h"
#include "base/encoding.h"
#include "base/error.h"
#include "base/limits.h"

namespace nuri::acme {

Task<void> HttpSolver::present(std::string, std::string token, std::string authorization) {
  co_await responder_.set(std::move(token), std::move(authorization));
}

Task<void> HttpSolver::clear(std::string, std::string token, std::string) {
  co_await responder_.clear(std::move(token));
}

Task<void> DnsHook::present(std::string name, std::string, std::string authorization) {
  co_await run("present", std::move(name), std::move(authorization));
}

Task<void> DnsHook::clear(std::string name, std::string, std::string authorization) {
  co_await run("cleanup", std::move(name), std::move(authorization));
}

Task<void> DnsHook::run(std::string verb, std::string name, std::string authorization) {
  const std::string record = "_acme-challenge." + name;
  const auto result =
      co_await async::run_program(loop_, {program_, verb, record, base64url(sha256(authorization))},
                                  "", limits::kAcmeHookDeadline);
  if (result.status.ok()) co_return;
  constexpr std::size_t kShownBytes = 500;
  const std::size_t from = result.out.size() > kShownBytes ? result.out.size() - kShownBytes : 0;
  throw Error(Code::unprocessable,
              fmt::format("the DNS program failed: {} {} {}: {}. It said: {}", program_, verb,
                          record, async::describe(result.status), result.out.substr(from)));
}

}  // namespace nuri::acme
