#include "acme/problem.h"

#include <fmt/format.h>

#include <array>

namespace nuri::acme {
namespace {

constexpr std::string_view kUrn = "urn:ietf:params:acme:error:";
constexpr std::size_t kShownBytes = 1000;

struct Advice {
  std::string_view kind;
  std::string_view text;
};

constexpr std::array kAdvice = {
    Advice{"accountDoesNotExist",
           "The authority does not know the account's key: remove the stored account, a new one is "
           "made"},
    Advice{"badCSR", "Nuri's request is not to the authority's taste: please report this"},
    Advice{"badSignatureAlgorithm", "The authority does not take ES256: use another authority"},
    Advice{"caa",
           "A CAA record in the name's DNS forbids this authority: add it there, or remove the "
           "record"},
    Advice{"connection",
           "The authority could not connect to the name: its DNS entries (A and AAAA) must lead to "
           "this machine, and port 80 must be open from the internet"},
    Advice{"dns",
           "The authority cannot resolve the name: add an A or AAAA record for it, or wait until "
           "the record is seen everywhere; for a DNS challenge the TXT record must be visible"},
    Advice{"externalAccountRequired",
           "This authority wants an account that was made on its site first, which Nuri does not "
           "offer: use another authority"},
    Advice{"incorrectResponse",
           "Something else answers in Nuri's place: look where the name's DNS entries lead, and "
           "what stands before this machine"},
    Advice{"invalidContact", "Correct the e-mail address of the account"},
    Advice{"rateLimited",
           "Nuri waits before it tries again; more requests make the wait longer. Ask for fewer "
           "names or one wildcard if this goes on"},
    Advice{"rejectedIdentifier",
           "The authority gives no certificate for this name: it must be a public name that you "
           "own, not an address or a name like localhost"},
    Advice{"serverInternal", "The authority has a failure of its own; Nuri tries again later"},
    Advice{"tls", "The name's own HTTPS answered the authority and failed"},
    Advice{"unauthorized",
           "The authority did not find what proves that the name is yours: its DNS entries must "
           "lead to this machine, or the TXT record must be the one that was asked for"},
    Advice{"userActionRequired", "The authority's terms have changed: read them and agree to them"},
};

std::string_view advice(std::string_view kind) {
  for (const Advice& one : kAdvice)
    if (one.kind == kind) return one.text;
  return "Nuri tries again later";
}

std::string short_kind(std::string type) {
  return type.starts_with(kUrn) ? type.substr(kUrn.size()) : type;
}

std::string text(const json::object& o, std::string_view key) {
  const auto* value = o.if_contains(key);
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

}  // namespace

Problem Problem::of(const json::object& document, int http_status) {
  Problem out;
  out.kind = short_kind(text(document, "type"));
  out.detail = text(document, "detail");
  out.status = http_status;
  if (const auto* all = document.if_contains("subproblems"); all && all->is_array())
    for (const json::value& one : all->get_array()) {
      if (!one.is_object()) continue;
      const auto* who = one.get_object().if_contains("identifier");
      const std::string name =
          who && who->is_object() ? text(who->get_object(), "value") : std::string("?");
      out.detail += fmt::format("; {}: {}", name, text(one.get_object(), "detail"));
      if (out.detail.size() > kShownBytes) break;
    }
  out.detail = out.detail.substr(0, kShownBytes);
  return out;
}

Problem Problem::parse(std::string_view body, int http_status) {
  try {
    return of(json::parse_object(body), http_status);
  } catch (const Error&) {
    Problem out;
    out.detail = fmt::format("status {} without a reason", http_status);
    out.status = http_status;
    return out;
  }
}

Error Problem::error(std::string_view doing) const {
  const Code code = kind == "rateLimited" || status == 429 ? Code::too_many
                    : status >= 500                        ? Code::unavailable
                                                           : Code::unprocessable;
  return Error(code, fmt::format("{}: the certificate authority says: {}{}. {}.", doing,
                                 detail.empty() ? "no" : detail,
                                 kind.empty() ? "" : " (" + kind + ")", advice(kind)));
}

}  // namespace nuri::acme
