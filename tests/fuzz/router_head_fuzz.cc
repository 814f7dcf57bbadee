#include "base/assert.h"
#include "http/parser.h"
#include "router/request_head.h"
#include "router/route_table.h"

// Heads that the parser takes are written so that it takes them again, with the same framing and
// nothing that a client said of itself where the router speaks.

namespace {

using namespace nuri;
using Kind = http::HeadParser::Kind;

void check_request(std::string_view text) {
  http::HeadSpace space, again_space;
  http::HeadParser parser(Kind::request), again_parser(Kind::request);
  const auto head = parser.parse(text, space);
  if (!head || !*head || (*head)->authority.empty()) return;
  std::string written;
  router::append_request_head(written, **head, {"192.0.2.1", "http", "id"});
  const auto again = again_parser.parse(written, again_space);
  // What is added may make it too large.
  if (!again && again.error().status == 431) return;
  NURI_ASSERT(again && *again && (*again)->bytes == written.size());
  const auto was = http::framing_of_request(**head), is = http::framing_of_request(**again);
  NURI_ASSERT(was.kind == is.kind && was.length == is.length);
  NURI_ASSERT((*again)->method == (*head)->method && (*again)->authority == (*head)->authority);
  NURI_ASSERT((*again)->target == (*head)->path_query);
  NURI_ASSERT((*again)->find("X-Forwarded-For") == "192.0.2.1");
  NURI_ASSERT((*again)->find("X-Vcap-Request-Id") == "id");
  router::host_of((*head)->authority);
}

void check_answer(std::string_view text) {
  http::HeadSpace space, again_space;
  http::HeadParser parser(Kind::response), again_parser(Kind::response);
  const auto head = parser.parse(text, space);
  if (!head || !*head) return;
  const std::string written = router::answer_head(**head, {}, "id");
  const auto again = again_parser.parse(written, again_space);
  if (!again && again.error().reason.find("too") != std::string_view::npos) return;
  NURI_ASSERT(again && *again && (*again)->bytes == written.size());
  const auto was = http::framing_of_response(**head, "GET");
  const auto is = http::framing_of_response(**again, "GET");
  NURI_ASSERT(was.kind == is.kind && was.length == is.length);
  NURI_ASSERT((*again)->status == (*head)->status);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_request(text);
  check_answer(text);
  return 0;
}
