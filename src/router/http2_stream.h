#pragma once

// Http2Stream: one request of an HTTP/2 client and its answer. Toward the exchange it is a carrier
// of HTTP/1.1 text; toward the session it takes what frames bring and has what they send. One
// loop's thread.

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "async/event.h"
#include "base/limits.h"
#include "router/carrier.h"
#include "router/http1_reader.h"
#include "router/http2_text.h"
#include "router/passage.h"

namespace nuri::router {

class Http2Session;

class Http2Stream {
 public:
  // Of a request's content; limits::kHttp2StreamWindow once much comes.
  static constexpr std::uint32_t kFirstWindow = 8 * limits::kKiB;

  // The session outlives it.
  Http2Stream(Http2Session& session, std::int32_t id);
  Http2Stream(const Http2Stream&) = delete;
  Http2Stream& operator=(const Http2Stream&) = delete;

  // The exchange's end of it. Destroying that before the answer is whole resets the stream.
  static std::unique_ptr<Carrier> carrier(std::shared_ptr<Http2Stream> self);
  // After that: until the stream is over. A client that takes nothing of the answer for `patience`
  // gets no more of it.
  Task<void> drain(Duration patience);

  // From the session, as frames come. The block of fields under way: a head, then a trailer.
  Http2Block& block() { return block_; }
  bool began() const { return answer_.has_value(); }
  void request_begins(Http2Block::Content content);
  void content(std::string_view data);
  void request_ends();
  void reset();  // the client wants no more, or the connection is over
  // As nghttp2_data_source_read_callback.
  ssize_t take_answer(std::span<std::uint8_t> into, std::uint32_t& flags);

 private:
  class End;
  Task<IoResult<void>> change();
  std::size_t ahead() const { return out_.size() - out_at_; }
  std::size_t most_ahead() const;
  void note_held();
  void take_request(std::string& into);
  void grant_content(std::size_t most = SIZE_MAX);
  void widen();
  void drop_request();
  IoResult<void> put_answer(std::string_view bytes);
  IoResult<void> submit_head(const http::HeadView& head, bool empty);
  void exchange_ended();

  Http2Session& session_;
  const std::int32_t id_;
  async::Event changed_;
  async::Scope* watcher_ = nullptr;
  bool gone_ = false;
  bool exchange_ended_ = false;

  Http2Block block_;
  bool chunked_ = false;        // the request's content, as text
  std::string in_;              // of the request, not taken yet
  std::size_t in_content_ = 0;  // of that, what the client has not been granted again
  bool in_ended_ = false;

  std::optional<Http1Reader> answer_;
  std::string out_;  // of the answer's content, not sent yet from out_at_ on
  std::size_t out_at_ = 0;
  bool has_content_ = false;  // its head is submitted, and content follows
  bool answered_ = false;     // all of it is here or sent
  bool cut_short_ = false;    // no more of it comes
  bool broken_off_ = false;
  Passage::Hold held_;
  Passage::Promise promised_;  // while more of the request comes than its first window
};

}  // namespace nuri::router
