#include "router/compressed_relay.h"

#include "http/head_text.h"

namespace nuri::router {
namespace {

constexpr std::size_t kSendBytes = 4 * limits::kChunkBytes;

struct Taken {
  std::string content;
  std::size_t bytes = 0;  // with their framing
  bool good = true;
};

Taken take(http::BodyParser& parser, std::string_view here) {
  Taken out;
  while (!parser.done() && out.bytes < here.size()) {
    const auto step = parser.parse(here.substr(out.bytes));
    if (!step) {
      out.good = false;
      return out;
    }
    out.content += step->data;
    out.bytes += step->consumed;
  }
  return out;
}

RelayResult failed(RelayResult result, IoError error, bool from) {
  result.outcome = std::unexpected(error);
  result.from_failed = from;
  return result;
}

}  // namespace

Task<RelayResult> relay_compressed(Wire& from, Wire& to, http::Framing framing,
                                   Compressor& compressor, std::string prefix, Patience patience) {
  using Then = Compressor::Then;
  http::BodyParser parser(framing);
  RelayResult result;
  std::string out = std::move(prefix), compressed;
  for (bool ended = false, held = false;;) {
    const bool full = from.here().size() >= limits::kChunkBytes;
    Taken taken = take(parser, from.here());
    from.consume(taken.bytes);
    from.keep();
    if (!taken.good) co_return failed(result, IoError::malformed, true);
    result.bytes += taken.content.size();
    ended = ended || parser.done();
    const bool hurry = !full || !from.bytes_wait();
    const Then then = ended ? Then::end : hurry ? Then::flush : Then::more;
    // A flush of nothing would still be bytes.
    const bool any = held || !taken.content.empty();
    if ((any || ended) && !compressor.add(taken.content, then, compressed))
      co_return failed(result, IoError::unreachable, true);
    held = any && then == Then::more;
    http::append_chunk(out, compressed);
    compressed.clear();
    if (ended) out += "0\r\n\r\n";
    // What is small can go with what is about to come.
    if (then != Then::more || out.size() >= kSendBytes) {
      result.begun = true;
      if (!out.empty()) result.outcome = co_await to.send(out, {}, patience.send);
      if (!result.outcome || ended) co_return result;
      out.clear();
    }
    auto more = co_await from.receive(patience.receive);
    if (!more) co_return failed(result, more.error(), true);
    if (!from.here().empty()) continue;
    if (!parser.may_end()) co_return failed(result, IoError::end, true);
    ended = true;
  }
}

}  // namespace nuri::router
