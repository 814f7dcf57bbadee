#pragma once

// Http2Link: a connection to an instance that speaks HTTP/2 without TLS (RFC 9113 section 3.3), one
// request at a time. Toward the exchange it carries HTTP/1.1 text. One task may receive while
// another sends; content flows on only while one receives.

#include <nghttp2/nghttp2.h>

#include <optional>
#include <span>
#include <string>

#include "async/descriptor.h"
#include "async/event.h"
#include "router/carrier.h"
#include "router/http1_reader.h"
#include "router/http2_text.h"
#include "router/turn.h"

namespace nuri::router {

class Http2Link final : public Carrier {
 public:
  explicit Http2Link(async::Descriptor socket) : socket_(std::move(socket)) {}
  ~Http2Link() override { nghttp2_session_del(session_); }

  // receive: IoError::refused if the instance says that it has not begun with the request.
  Task<IoResult<void>> receive(std::string& into, Duration limit) override;
  Task<IoResult<void>> send(std::string_view first, std::string_view second, std::size_t& sent,
                            Duration limit) override;
  Task<IoResult<void>> takes_more(Duration limit) override;
  void finish() override {}
  void break_off() override {}
  bool bytes_wait() const override { return false; }
  void watch(async::Scope*) override {}
  bool hung_up() const override { return false; }
  bool reusable() override;

 private:
  struct Callbacks;
  Task<IoResult<void>> receive_some(std::string& into);
  Task<IoResult<void>> send_all(std::string_view first, std::string_view second, std::size_t& sent);
  Task<IoResult<void>> at_most_ahead(std::size_t bytes);
  bool begin();
  bool take(std::string_view bytes);
  IoResult<void> put_request(std::string_view bytes);
  bool submit_head(const http::HeadView& head, bool empty);
  Task<IoResult<void>> flush(std::size_t* written = nullptr);
  ssize_t take_content(std::span<std::uint8_t> into, std::uint32_t& flags);
  void answer_block(bool last);
  void answer_ends();

  async::Descriptor socket_;
  nghttp2_session* session_ = nullptr;
  http::HeadSpace head_space_;
  async::Event changed_;
  Turn sending_;

  std::int32_t stream_ = -1;
  std::optional<Http1Reader> request_;
  std::string method_;
  std::string out_;  // of the request's content, not sent yet

  Http2Block block_;
  bool final_ = false;    // the answer's head has come
  bool chunked_ = false;  // its content, as text
  std::string in_;        // of the answer, not taken yet
  std::size_t in_content_ = 0;
  std::optional<std::uint32_t> closed_;  // the stream, with this code
};

}  // namespace nuri::router
