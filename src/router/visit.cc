#include "router/visit.h"

#include "base/assert.h"
#include "http/message.h"
#include "router/sticky.h"

namespace nuri::router {
namespace {

Deadlines with(Deadlines out, const model::RouteDeadlines& own) {
  out.idle = own.idle.value_or(out.idle);
  out.head = own.head.value_or(out.head);
  out.body_idle = own.body_idle.value_or(out.body_idle);
  out.answer = own.answer.value_or(out.answer);
  return out;
}

// All values of a list's field together (RFC 9110 section 5.3).
std::string joined(const http::HeadView& head, std::string_view name) {
  std::string out;
  for (const auto& header : head.headers)
    if (http::same_name(header.name, name)) out.append(out.empty() ? "" : ",").append(header.value);
  return out;
}

}  // namespace

Visit::Visit(std::shared_ptr<RouteEdge> of, const Request& request, http::HeadSpace& space,
             const Deadlines& usual)
    : edge(std::move(of)), deadlines(with(usual, settings().deadlines)) {
  // Read once more: the head's fields are not kept for those that need none.
  const auto parsed = http::HeadParser(http::HeadParser::Kind::request).parse(request.raw, space);
  NURI_ASSERT(parsed && *parsed);
  const http::HeadView& head = **parsed;
  sticky = sticky_instance(head, settings().session_cookies);
  authorization = head.find("Authorization").value_or("");
  if (settings().balance == model::Balance::hash)
    hash_value = head.find(settings().hash_header).value_or("");
  if (settings().compress && request.version == http::Version::http11)
    coding = wanted_coding(joined(head, "Accept-Encoding"));
}

}  // namespace nuri::router
