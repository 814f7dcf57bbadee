#include "acme/authority.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "acme/problem.h"
#include "base/limits.h"

namespace nuri::acme {
namespace {

// Seconds only; a date there is rare and counts as none.
Duration seconds_of(std::string_view text) {
  int seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  constexpr int kDay = 86'400;
  if (error != std::errc() || end != text.data() + text.size() || seconds < 0) return {};
  return std::chrono::seconds(std::min(seconds, kDay));
}

}  // namespace

json::object Reply::object(std::string_view doing) const {
  try {
    return json::parse_object(body, limits::kAcmeAnswerBytes);
  } catch (const Error& error) {
    throw Error(Code::unavailable,
                fmt::format("{}: the certificate authority's answer cannot be read: {}", doing,
                            error.message()));
  }
}

Task<Reply> Authority::send(http::ClientRequest request, std::string doing) {
  std::string why;
  request.why = &why;
  request.answer_deadline = limits::kAcmeAnswerDeadline;
  const std::string url = request.url;
  request.headers.add("User-Agent", "nuri");
  auto answer = co_await client_.request(std::move(request));
  IoResult<std::string> body;
  if (answer) body = co_await http::read_all(*answer->body, limits::kAcmeAnswerBytes);
  if (!answer || !body) {
    const IoError error = answer ? body.error() : answer.error();
    const Error base = error_of(error, fmt::format("{}: {}", doing, url));
    throw Error(base.code() == Code::bad_request ? Code::unavailable : base.code(),
                why.empty() ? base.message() : base.message() + ": " + why);
  }
  if (const auto nonce = answer->headers.get("Replay-Nonce")) nonce_ = *nonce;
  Reply reply{.status = answer->status, .body = std::move(*body), .location = {}};
  if (const auto location = answer->headers.get("Location")) reply.location = *location;
  if (const auto wait = answer->headers.get("Retry-After")) reply.retry_after = seconds_of(*wait);
  co_return reply;
}

Task<void> Authority::read_directory() {
  if (!new_order_.empty()) co_return;
  const std::string doing = "read the certificate authority's directory";
  const Reply reply = co_await send({.url = directory_}, doing);
  if (reply.status != 200) throw Problem::parse(reply.body, reply.status).error(doing);
  const json::object directory = reply.object(doing);
  try {
    new_nonce_ = json::require_string(directory, "newNonce");
    new_account_ = json::require_string(directory, "newAccount");
    new_order_ = json::require_string(directory, "newOrder");
  } catch (const Error& error) {
    throw Error(Code::unavailable,
                fmt::format("{} is no ACME directory: {}", directory_, error.message()));
  }
}

Task<void> Authority::take_nonce() {
  if (!nonce_.empty()) co_return;
  const std::string doing = "fetch a nonce from the certificate authority";
  const Reply reply = co_await send({.method = "HEAD", .url = new_nonce_}, doing);
  if (nonce_.empty())
    throw Error(Code::unavailable,
                fmt::format("{}: status {}, and none came", doing, reply.status));
}

Task<Reply> Authority::post(std::string url, std::string payload, std::string doing,
                            std::string accept) {
  for (std::size_t attempt = 1;; ++attempt) {
    co_await take_nonce();
    const std::string nonce = std::exchange(nonce_, {});
    http::ClientRequest request{.method = "POST", .url = url};
    request.headers.add("Content-Type", "application/jose+json");
    request.headers.add("Accept", accept);
    request.body = key_.sign(url, nonce, account_, payload);
    Reply reply = co_await send(std::move(request), doing);
    if (reply.status >= 200 && reply.status < 300) co_return reply;
    const Problem problem = Problem::parse(reply.body, reply.status);
    if (problem.kind == "badNonce" && attempt < limits::kAcmeNonceTries) continue;
    asked_to_wait_ = reply.retry_after;
    throw problem.error(doing);
  }
}

Task<void> Authority::enter(std::vector<std::string> contacts) {
  co_await read_directory();
  if (!account_.empty()) co_return;
  json::array all;
  for (const std::string& contact : contacts) all.emplace_back("mailto:" + contact);
  json::object wanted{{"termsOfServiceAgreed", true}};
  if (!all.empty()) wanted["contact"] = std::move(all);
  const Reply reply = co_await post(new_account_, json::serialize(wanted),
                                    "register with the certificate authority");
  if (reply.location.empty())
    throw Error(Code::unavailable,
                "register with the certificate authority: it names no account in its answer");
  account_ = reply.location;
}

}  // namespace nuri::acme
