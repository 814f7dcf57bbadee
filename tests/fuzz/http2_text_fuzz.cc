#include <algorithm>
#include <cstdint>
#include <string>

#include "base/assert.h"
#include "router/http1_reader.h"
#include "router/http2_text.h"

// An answer is taken apart in the same way however its bytes were split; what HTTP/2 would send of
// its head has no capitals and nothing of the connection's. A block of fields becomes text that the
// parser either refuses or reads as one request, with nothing of one field in another.

namespace {

using namespace nuri;
using router::Http1Reader;
using router::Http2Block;

void check_fields(const http::HeadView& head) {
  router::Http2Fields fields;
  fields.answer(head);
  for (const auto& field : fields.list()) {
    const std::string_view name(reinterpret_cast<const char*>(field.name), field.namelen);
    for (const char c : name) NURI_ASSERT(c < 'A' || c > 'Z');
    NURI_ASSERT(name != "connection" && name != "transfer-encoding" && name != "keep-alive");
  }
}

// "H" for each head, the content, "E" at the end with the trailer, "!" for a refusal.
std::string read(std::string_view bytes, std::size_t piece) {
  Http1Reader reader = Http1Reader::of_answer("GET");
  http::HeadSpace space;
  std::string out, data;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    std::string_view part_bytes = bytes.substr(0, piece);
    for (;;) {
      const std::size_t before = part_bytes.size();
      const auto part = reader.next(part_bytes, space);
      if (!part) return out + data + "!";
      NURI_ASSERT(part_bytes.size() <= before);
      if (part->kind == Http1Reader::Part::Kind::nothing) break;
      if (part->kind == Http1Reader::Part::Kind::data) {
        NURI_ASSERT(!part->data.empty());
        data += part->data;
      } else if (part->kind == Http1Reader::Part::Kind::head) {
        check_fields(*part->head);
        out += 'H';
      } else {
        out += data + "E";
        for (const auto& field : reader.trailer()) out.append(field.name).append(field.value);
        return out;
      }
    }
  }
  return out + data;
}

// Lines of "name value".
void check_block(std::string_view text) {
  Http2Block block;
  std::size_t fields = 0;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const auto space = std::min(line.find(' '), line.size());
    block.add(line.substr(0, space), line.substr(std::min(space + 1, line.size())));
    ++fields;
  }
  const std::string request = block.request(Http2Block::Content::none);
  http::HeadSpace space;
  http::HeadParser parser(http::HeadParser::Kind::request);
  const auto head = parser.parse(request, space);
  if (!head) return;
  NURI_ASSERT(*head && (*head)->bytes == request.size());
  NURI_ASSERT((*head)->headers.size() <= fields + 1);
  bool framed = false;
  (void)block.answer(Http2Block::Content::follows, "GET", framed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string whole = read(text, SIZE_MAX);
  NURI_ASSERT(read(text, 1) == whole);
  NURI_ASSERT(read(text, 7) == whole);
  check_block(text);
  return 0;
}
