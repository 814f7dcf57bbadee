#include "router/http2_stream.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "async/deadline.h"
#include "base/limits.h"
#include "http/head_text.h"
#include "router/http2_frames.h"
#include "router/http2_session.h"

namespace nuri::router {

// The exchange's end: HTTP/1.1 text both ways.
class Http2Stream::End final : public Carrier {
 public:
  explicit End(std::shared_ptr<Http2Stream> stream) : stream_(std::move(stream)) {}
  ~End() override { stream_->exchange_ended(); }

  Task<IoResult<void>> receive(std::string& into, Duration limit) override {
    return async::within(limit, receive_some(into));
  }
  Task<IoResult<void>> send(std::string_view first, std::string_view second, std::size_t& sent,
                            Duration limit) override {
    return async::within(limit, send_all(first, second, sent));
  }
  Task<IoResult<void>> takes_more(Duration limit) override {
    return async::within(limit, at_most_ahead(0));
  }

  void finish() override {}  // messages end by their framing
  void break_off() override { stream_->broken_off_ = true; }
  bool bytes_wait() const override { return false; }
  void watch(async::Scope* scope) override {
    stream_->watcher_ = scope;
    if (scope && stream_->gone_) scope->cancel();
  }
  bool hung_up() const override { return stream_->gone_; }

 private:
  Task<IoResult<void>> receive_some(std::string& into) {
    while (stream_->in_.empty() && !stream_->in_ended_ && !stream_->gone_)
      if (auto waited = co_await stream_->changed_.wait(); !waited) co_return waited;
    if (stream_->gone_) co_return std::unexpected(IoError::reset);
    stream_->take_request(into);
    co_return IoResult<void>{};
  }
  Task<IoResult<void>> send_all(std::string_view first, std::string_view second,
                                std::size_t& sent) {
    for (const auto part : {first, second}) {
      if (auto put = stream_->put_answer(part); !put) co_return put;
      sent += part.size();
    }
    co_return co_await at_most_ahead(SIZE_MAX);
  }
  Task<IoResult<void>> at_most_ahead(std::size_t bytes) {
    while (stream_->ahead() > std::min(bytes, stream_->most_ahead()) && !stream_->gone_)
      if (auto waited = co_await stream_->changed_.wait(); !waited) co_return waited;
    co_return IoResult<void>{};
  }

  std::shared_ptr<Http2Stream> stream_;
};

std::unique_ptr<Carrier> Http2Stream::carrier(std::shared_ptr<Http2Stream> self) {
  return std::make_unique<End>(std::move(self));
}

Http2Stream::Http2Stream(Http2Session& session, std::int32_t id)
    : session_(session), id_(id), held_(session.passage()), promised_(session.passage()) {}

// What of the answer may be here for a client that falls behind.
std::size_t Http2Stream::most_ahead() const {
  return session_.passage().share(limits::kHttp2AnswerAhead);
}

void Http2Stream::note_held() { held_.set(in_.size() + out_.size()); }

void Http2Stream::request_begins(Http2Block::Content content) {
  in_ = block_.request(content);
  chunked_ = content == Http2Block::Content::follows && !block_.has_length();
  answer_ = Http1Reader::of_answer(block_.method());
  block_ = {};
}

void Http2Stream::content(std::string_view data) {
  in_content_ += data.size();
  if (exchange_ended_) return grant_content();
  if (chunked_)
    http::append_chunk(in_, data);
  else
    in_ += data;
  widen();
  note_held();
  changed_.pulse();
}

void Http2Stream::request_ends() {
  promised_.end();
  if (chunked_) in_.append("0\r\n").append(block_.fields()).append("\r\n");
  in_ended_ = true;
  changed_.pulse();
}

void Http2Stream::reset() {
  gone_ = true;
  drop_request();
  changed_.pulse();
  if (watcher_) std::exchange(watcher_, nullptr)->cancel();
}

void Http2Stream::take_request(std::string& into) {
  const bool all = in_.size() <= Carrier::kRoom;
  if (all) {
    into += std::exchange(in_, {});
  } else {
    into.append(in_, 0, Carrier::kRoom);
    in_.erase(0, Carrier::kRoom);
  }
  note_held();
  if (!in_ended_) widen();
  grant_content(all ? SIZE_MAX : Carrier::kRoom);
}

// Much is coming: more of it may be on its way at once, if there is room.
void Http2Stream::widen() {
  constexpr std::int32_t kWide = limits::kHttp2StreamWindow;
  if (in_content_ < kFirstWindow / 2) return;
  if (promised_.make(kWide - kFirstWindow))
    (void)nghttp2_session_set_local_window_size(session_.native(), NGHTTP2_FLAG_NONE, id_, kWide);
}

// Nobody will take what came of it.
void Http2Stream::drop_request() {
  promised_.end();
  std::string().swap(in_);
  note_held();
  grant_content();
}

// The client may send as much anew.
void Http2Stream::grant_content(std::size_t most) {
  const std::size_t bytes = std::min(most, in_content_);
  if (bytes == 0) return;
  in_content_ -= bytes;
  (void)nghttp2_session_consume(session_.native(), id_, bytes);
  session_.wake_writer();
}

IoResult<void> Http2Stream::submit_head(const http::HeadView& head, bool empty) {
  Http2Fields fields;
  fields.answer(head);
  const auto list = fields.list();
  int done;
  if (head.status < 200) {
    done = nghttp2_submit_headers(session_.native(), NGHTTP2_FLAG_NONE, id_, nullptr, list.data(),
                                  list.size(), nullptr);
  } else {
    nghttp2_data_provider content{{.ptr = nullptr}, Http2Session::read_answer};
    done = nghttp2_submit_response(session_.native(), id_, list.data(), list.size(),
                                   empty ? nullptr : &content);
    answered_ = empty;
    has_content_ = !empty;
  }
  if (done != 0) return std::unexpected(IoError::malformed);
  return {};
}

IoResult<void> Http2Stream::put_answer(std::string_view bytes) {
  if (gone_ || session_.over()) return std::unexpected(IoError::reset);
  // A client that never catches up must not make it grow for ever.
  if (out_at_ >= most_ahead()) out_ = out_.substr(std::exchange(out_at_, 0));
  while (!answered_) {
    const auto part = answer_->next(bytes, session_.head_space());
    if (!part) return std::unexpected(IoError::malformed);
    if (part->kind == Http1Reader::Part::Kind::nothing) break;
    if (part->kind == Http1Reader::Part::Kind::head)
      if (auto submitted = submit_head(*part->head, part->empty); !submitted) return submitted;
    if (part->kind == Http1Reader::Part::Kind::data) out_ += part->data;
    if (part->kind == Http1Reader::Part::Kind::end) answered_ = true;
  }
  note_held();
  (void)nghttp2_session_resume_data(session_.native(), id_);
  session_.wake_writer();
  return {};
}

ssize_t Http2Stream::take_answer(std::span<std::uint8_t> into, std::uint32_t& flags) {
  const std::size_t n = std::min(session_.passage().share(into.size()), ahead());
  std::memcpy(into.data(), out_.data() + out_at_, n);
  out_at_ += n;
  if (out_at_ == out_.size()) {
    std::string().swap(out_);
    out_at_ = 0;
  }
  note_held();
  changed_.pulse();
  if (n == 0 && cut_short_) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // resets the stream
  if (!answered_ || !out_.empty()) return n == 0 ? NGHTTP2_ERR_DEFERRED : static_cast<ssize_t>(n);
  flags |= NGHTTP2_DATA_FLAG_EOF;
  if (submit_trailer(session_.native(), id_, *answer_)) flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
  return static_cast<ssize_t>(n);
}

Task<IoResult<void>> Http2Stream::change() { co_return co_await changed_.wait(); }

Task<void> Http2Stream::drain(Duration patience) {
  while (!gone_) {
    const auto waited = co_await async::within(patience, change());
    if (waited) continue;
    if (waited.error() == IoError::timed_out && !gone_) {
      (void)nghttp2_submit_rst_stream(session_.native(), NGHTTP2_FLAG_NONE, id_, NGHTTP2_CANCEL);
      session_.wake_writer();
    }
    co_return;
  }
}

void Http2Stream::exchange_ended() {
  exchange_ended_ = true;
  watcher_ = nullptr;
  if (session_.over()) return;
  drop_request();
  if (gone_ || answered_) return;
  answered_ = !broken_off_ && answer_->close();
  // A reset overtakes what is queued: what came of an answer goes out first.
  cut_short_ = !answered_ && has_content_;
  if (answered_ || cut_short_)
    (void)nghttp2_session_resume_data(session_.native(), id_);
  else
    (void)nghttp2_submit_rst_stream(session_.native(), NGHTTP2_FLAG_NONE, id_,
                                    NGHTTP2_INTERNAL_ERROR);
  session_.wake_writer();
}

}  // namespace nuri::router
