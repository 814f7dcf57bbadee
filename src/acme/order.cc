#include "acme/order.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>

#include "acme/certificate_request.h"
#include "acme/problem.h"
#include "async/deadline.h"
#include "base/encoding.h"
#include "base/limits.h"
#include "base/log.h"

namespace nuri::acme {
namespace {

// A name to be proved.
struct Proof {
  std::string url;  // of the authorization
  std::string name;
  std::string challenge;  // its URL
  std::string token, authorization;
};

struct Order {
  Authority& authority;
  const AccountKey& key;
  Solver& solver;
  std::vector<std::string> names;
  std::string url;
  std::vector<Proof> proofs = {};
  std::size_t presented = 0;
};

std::string doing_of(const Order& order) {
  return fmt::format("order a certificate for {}", fmt::join(order.names, ", "));
}

// Waits as long as the authority asked for, else a time that doubles.
class Patience {
 public:
  Task<void> wait(Duration asked) {
    const Duration now = std::min(std::max(asked, next_), Duration(limits::kAcmeLongestPoll));
    next_ = std::min(next_ * 2, Duration(limits::kAcmeLongestPoll));
    if (auto slept = co_await async::sleep(now); !slept)
      throw error_of(slept.error(), "wait for the certificate authority");
  }

 private:
  Duration next_ = limits::kAcmeFirstPoll;
};

// The challenge of the solver's type in an authorization.
const json::object* challenge_in(const json::object& authorization, std::string_view type) {
  for (const json::value& one : json::require_array(authorization, "challenges"))
    if (one.is_object() && json::get_string(one.get_object(), "type") == type)
      return &one.get_object();
  return nullptr;
}

// An authorization that does not hold yet; nullopt if it does.
Task<std::optional<Proof>> proof_of(Order& order, std::string url) {
  const std::string doing = doing_of(order);
  const Reply reply = co_await order.authority.post(url, "", doing);
  const json::object authorization = reply.object(doing);
  Proof proof;
  proof.url = std::move(url);
  proof.name = json::require_string(json::require_object(authorization, "identifier"), "value");
  if (json::require_string(authorization, "status") == "valid") co_return std::nullopt;
  const json::object* challenge = challenge_in(authorization, order.solver.type());
  if (!challenge)
    throw Error(Code::unprocessable,
                fmt::format("{}: the authority does not take {} as proof for {}", doing,
                            order.solver.type(), proof.name));
  proof.challenge = json::require_string(*challenge, "url");
  proof.token = json::require_string(*challenge, "token");
  proof.authorization = order.key.authorization_of(proof.token);
  co_return proof;
}

Task<void> await_proof(Order& order, const Proof& proof) {
  const std::string doing = fmt::format("prove that {} is ours", proof.name);
  for (Patience patience;;) {
    const Reply reply = co_await order.authority.post(proof.url, "", doing);
    const json::object authorization = reply.object(doing);
    const std::string status = json::require_string(authorization, "status");
    if (status == "valid") co_return;
    if (status != "pending") {
      const json::object* challenge = challenge_in(authorization, order.solver.type());
      const json::object* why = challenge ? json::find_object(*challenge, "error") : nullptr;
      throw Problem::of(why ? *why : json::object{}, 403).error(doing);
    }
    co_await patience.wait(reply.retry_after);
  }
}

Task<void> prove(Order& order) {
  // All first: one TXT name may need the values of a host and of its wildcard at once.
  for (const Proof& proof : order.proofs) {
    ++order.presented;
    co_await order.solver.present(proof.name, proof.token, proof.authorization);
  }
  for (const Proof& proof : order.proofs)
    co_await order.authority.post(proof.challenge, "{}",
                                  fmt::format("prove that {} is ours", proof.name));
  for (const Proof& proof : order.proofs) co_await await_proof(order, proof);
}

Task<void> clear(Order& order) {
  for (std::size_t i = 0; i < order.presented; ++i) {
    const Proof& proof = order.proofs[i];
    try {
      co_await order.solver.clear(proof.name, proof.token, proof.authorization);
    } catch (const Error& error) {
      log_warn("a challenge could not be cleared",
               {{"name", proof.name}, {"error", error.message()}});
    }
  }
}

// The order's state as soon as it is one of `wanted`.
Task<json::object> await_order(Order& order, std::string wanted) {
  const std::string doing = doing_of(order);
  for (Patience patience;;) {
    const Reply reply = co_await order.authority.post(order.url, "", doing);
    json::object state = reply.object(doing);
    const std::string status = json::require_string(state, "status");
    if (status == wanted || status == "valid") co_return state;
    if (status == "invalid") {
      const json::object* why = json::find_object(state, "error");
      throw Problem::of(why ? *why : json::object{}, 403).error(doing);
    }
    co_await patience.wait(reply.retry_after);
  }
}

Task<std::string> finalize(Order& order, const CertificateRequest& request) {
  const std::string doing = doing_of(order);
  const json::object ready = co_await await_order(order, "ready");
  const json::object asked{{"csr", base64url(request.der)}};
  co_await order.authority.post(json::require_string(ready, "finalize"), json::serialize(asked),
                                doing);
  const json::object done = co_await await_order(order, "valid");
  const Reply chain = co_await order.authority.post(json::require_string(done, "certificate"), "",
                                                    doing, "application/pem-certificate-chain");
  co_return chain.body;
}

Task<void> begin(Order& order) {
  const std::string doing = doing_of(order);
  json::array identifiers;
  for (const std::string& name : order.names)
    identifiers.push_back(json::object{{"type", "dns"}, {"value", name}});
  const Reply reply = co_await order.authority.post(
      order.authority.new_order(), json::serialize(json::object{{"identifiers", identifiers}}),
      doing);
  order.url = reply.location;
  const json::object state = reply.object(doing);
  const json::array& authorizations = json::require_array(state, "authorizations");
  if (order.url.empty() || authorizations.size() > order.names.size())
    throw Error(Code::unavailable, doing + ": the authority's answer is no order");
  for (const json::value& one : authorizations) {
    if (!one.is_string()) throw Error(Code::unavailable, doing + ": no URL in the order");
    if (auto proof = co_await proof_of(order, std::string(one.get_string())))
      order.proofs.push_back(std::move(*proof));
  }
}

Task<std::string> carry_out(Order& order, const CertificateRequest& request) {
  co_await begin(order);
  co_await prove(order);
  co_return co_await finalize(order, request);
}

}  // namespace

Task<net::PemPair> obtain(Authority& authority, const AccountKey& key, Solver& solver,
                          std::vector<std::string> names) {
  const CertificateRequest request = make_request(names);
  for (const std::string& name : names)
    if (name.starts_with('*') && !solver.takes_wildcards())
      throw Error(Code::unprocessable,
                  fmt::format("{} needs a proof by DNS: set a DNS program, or ask for the names "
                              "below it one by one",
                              name));
  Order order{authority, key, solver, std::move(names), {}};
  net::PemPair out;
  out.key = request.key_pem;
  std::exception_ptr failed;
  try {
    out.chain = co_await async::within(limits::kAcmeOrderDeadline, carry_out(order, request));
  } catch (const std::exception&) {
    failed = std::current_exception();
  }
  co_await async::shielded(limits::kAcmeHookDeadline, clear(order));
  if (failed) std::rethrow_exception(failed);
  net::Certificate::parse(out.chain, out.key);
  co_return out;
}

}  // namespace nuri::acme
