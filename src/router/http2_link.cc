#include "router/http2_link.h"

#include <errno.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "async/deadline.h"
#include "base/limits.h"
#include "http/head_text.h"
#include "router/http2_frames.h"

namespace nuri::router {

struct Http2Link::Callbacks {
  static Http2Link& of(void* self) { return *static_cast<Http2Link*>(self); }

  static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_bytes, const std::uint8_t* value, std::size_t value_bytes,
                    std::uint8_t, void* self) {
    if (frame->hd.stream_id == of(self).stream_)
      of(self).block_.add(text(name, name_bytes), text(value, value_bytes));
    return 0;
  }

  static int frame_received(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    Http2Link& link = of(self);
    if (frame->hd.stream_id != link.stream_) return 0;
    const bool last = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    if (frame->hd.type == NGHTTP2_HEADERS) link.answer_block(last);
    if (frame->hd.type == NGHTTP2_DATA && last) link.answer_ends();
    return 0;
  }

  static int content(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                     std::size_t bytes, void* self) {
    Http2Link& link = of(self);
    if (id != link.stream_) return 0;
    link.in_content_ += bytes;
    if (link.chunked_)
      http::append_chunk(link.in_, text(data, bytes));
    else
      link.in_ += text(data, bytes);
    return 0;
  }

  static int stream_closed(nghttp2_session*, std::int32_t id, std::uint32_t code, void* self) {
    if (id == of(self).stream_) of(self).closed_ = code;
    of(self).changed_.pulse();
    return 0;
  }

  static ssize_t read_content(nghttp2_session*, std::int32_t, std::uint8_t* into, std::size_t room,
                              std::uint32_t* flags, nghttp2_data_source*, void* self) {
    return of(self).take_content({into, room}, *flags);
  }

  static nghttp2_session_callbacks* all() {
    nghttp2_session_callbacks* out = nullptr;
    nghttp2_session_callbacks_new(&out);
    nghttp2_session_callbacks_set_on_header_callback(out, header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(out, frame_received);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(out, content);
    nghttp2_session_callbacks_set_on_stream_close_callback(out, stream_closed);
    return out;
  }

  static nghttp2_option* options() {
    nghttp2_option* out = nullptr;
    nghttp2_option_new(&out);
    nghttp2_option_set_no_auto_window_update(out, 1);
    nghttp2_option_set_max_continuations(out, 8);
    return out;
  }
};

bool Http2Link::begin() {
  static const nghttp2_option* const options = Callbacks::options();
  static const nghttp2_session_callbacks* const callbacks = Callbacks::all();
  if (nghttp2_session_client_new2(&session_, callbacks, this, options) != 0) return false;
  const std::array settings{nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
                            nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
                                                   static_cast<std::uint32_t>(limits::kHeadBytes)}};
  return nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size()) ==
         0;
}

bool Http2Link::take(std::string_view bytes) {
  return nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                  bytes.size()) >= 0;
}

void Http2Link::answer_block(bool last) {
  if (final_) {
    if (chunked_) in_.append("0\r\n").append(block_.fields()).append("\r\n");
  } else {
    in_ += block_.answer(last ? Http2Block::Content::none : Http2Block::Content::follows, method_,
                         chunked_);
    final_ = block_.status() >= 200;
  }
  block_ = {};
}

void Http2Link::answer_ends() {
  if (chunked_) in_ += "0\r\n\r\n";
}

bool Http2Link::submit_head(const http::HeadView& head, bool empty) {
  Http2Fields fields;
  fields.request(head, "http");
  const auto list = fields.list();
  const nghttp2_data_provider content{{.ptr = nullptr}, Callbacks::read_content};
  method_ = head.method;
  closed_.reset();
  final_ = chunked_ = false;
  stream_ = nghttp2_submit_request(session_, nullptr, list.data(), list.size(),
                                   empty ? nullptr : &content, nullptr);
  return stream_ > 0;
}

IoResult<void> Http2Link::put_request(std::string_view bytes) {
  if (!session_ && !begin()) return std::unexpected(IoError::no_resources);
  if (!request_ || (request_->ended() && !bytes.empty())) request_ = Http1Reader::of_request();
  while (!bytes.empty() || !request_->ended()) {
    const auto part = request_->next(bytes, head_space_);
    if (!part) return std::unexpected(IoError::malformed);
    if (part->kind == Http1Reader::Part::Kind::nothing) break;
    if (part->kind == Http1Reader::Part::Kind::head && !submit_head(*part->head, part->empty))
      return std::unexpected(IoError::refused);
    if (part->kind == Http1Reader::Part::Kind::data) out_ += part->data;
  }
  (void)nghttp2_session_resume_data(session_, stream_);
  return {};
}

ssize_t Http2Link::take_content(std::span<std::uint8_t> into, std::uint32_t& flags) {
  const std::size_t n = std::min(into.size(), out_.size());
  std::memcpy(into.data(), out_.data(), n);
  out_.erase(0, n);
  changed_.pulse();
  if (!request_->ended() || !out_.empty())
    return n == 0 ? NGHTTP2_ERR_DEFERRED : static_cast<ssize_t>(n);
  flags |= NGHTTP2_DATA_FLAG_EOF;
  if (submit_trailer(session_, stream_, *request_)) flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
  return static_cast<ssize_t>(n);
}

// What nghttp2 has to say, one after the other.
Task<IoResult<void>> Http2Link::flush(std::size_t* written) {
  const auto mine = co_await sending_.take();
  if (!mine) co_return std::unexpected(mine.error());
  for (;;) {
    const auto batch = gather_frames(session_);
    if (!batch) co_return std::unexpected(IoError::malformed);
    if (batch->empty()) co_return IoResult<void>{};
    auto sending = socket_.send(*batch);
    auto outcome = co_await sending;
    if (written) *written += sending.done;
    if (!outcome) co_return outcome;
  }
}

Task<IoResult<void>> Http2Link::send(std::string_view first, std::string_view second,
                                     std::size_t& sent, Duration limit) {
  return async::within(limit, send_all(first, second, sent));
}

Task<IoResult<void>> Http2Link::send_all(std::string_view first, std::string_view second,
                                         std::size_t& sent) {
  for (const auto part : {first, second})
    if (auto put = put_request(part); !put) co_return put;
  std::size_t written = 0;
  auto flushed = co_await flush(&written);
  // Nothing was written: nothing of the message was.
  sent = flushed ? first.size() + second.size() : written;
  if (flushed) flushed = co_await at_most_ahead(limits::kHttp2ContentAhead);
  if (flushed && closed_ && !out_.empty()) co_return std::unexpected(IoError::reset);
  co_return flushed;
}

Task<IoResult<void>> Http2Link::at_most_ahead(std::size_t bytes) {
  while (out_.size() > bytes && !closed_)
    if (auto waited = co_await changed_.wait(); !waited) co_return waited;
  co_return IoResult<void>{};
}

Task<IoResult<void>> Http2Link::takes_more(Duration limit) {
  return async::within(limit, at_most_ahead(0));
}

Task<IoResult<void>> Http2Link::receive(std::string& into, Duration limit) {
  return async::within(limit, receive_some(into));
}

Task<IoResult<void>> Http2Link::receive_some(std::string& into) {
  if (!session_) co_return std::unexpected(IoError::malformed);
  for (;;) {
    if (!in_.empty()) {
      into += std::exchange(in_, {});
      (void)nghttp2_session_consume(session_, stream_, std::exchange(in_content_, 0));
      co_return IoResult<void>{};
    }
    if (closed_ && *closed_ == NGHTTP2_REFUSED_STREAM) co_return std::unexpected(IoError::refused);
    if (closed_) co_return std::unexpected(IoError::reset);
    if (auto flushed = co_await flush(); !flushed) co_return flushed;
    auto chunk = co_await socket_.recv();
    if (!chunk) co_return std::unexpected(chunk.error());
    if (chunk->empty()) co_return std::unexpected(IoError::end);
    if (!take(chunk->view())) co_return std::unexpected(IoError::malformed);
  }
}

// An idle instance may have said something since, such as that it goes.
bool Http2Link::reusable() {
  std::array<char, 1024> bytes;
  while (const std::size_t held = socket_.take_held(bytes))
    if (!take({bytes.data(), held})) return false;
  for (;;) {
    const auto n = ::recv(socket_.native(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) break;
    if (n <= 0 || !take({bytes.data(), static_cast<std::size_t>(n)})) return false;
  }
  return closed_ && *closed_ == NGHTTP2_NO_ERROR && in_.empty() && out_.empty() &&
         nghttp2_session_check_request_allowed(session_) != 0;
}

}  // namespace nuri::router
