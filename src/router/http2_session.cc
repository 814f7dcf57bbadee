#include "router/http2_session.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/limits.h"
#include "router/http2_frames.h"

namespace nuri::router {
namespace {

constexpr Duration kLastCall = 1s;  // for requests on their way when the router drains

struct Options {
  Options() {
    nghttp2_option_new(&option);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_max_settings(option, 32);
    nghttp2_option_set_max_outbound_ack(option, 256);
    nghttp2_option_set_stream_reset_rate_limit(option, 1000, 33);
    nghttp2_option_set_max_continuations(option, 8);
  }
  ~Options() { nghttp2_option_del(option); }
  nghttp2_option* option = nullptr;
};

}  // namespace

struct Http2Session::Callbacks {
  static Http2Session& of(void* self) { return *static_cast<Http2Session*>(self); }

  static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    Http2Session& session = of(self);
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
      session.streams_.emplace(frame->hd.stream_id,
                               std::make_shared<Http2Stream>(session, frame->hd.stream_id));
    return 0;
  }

  static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_bytes, const std::uint8_t* value, std::size_t value_bytes,
                    std::uint8_t, void* self) {
    if (Http2Stream* stream = of(self).stream_of(frame->hd.stream_id))
      stream->block().add(text(name, name_bytes), text(value, value_bytes));
    return 0;
  }

  static int frame_received(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    Http2Session& session = of(self);
    const bool last = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    const std::int32_t id = frame->hd.stream_id;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
      session.request_begins(id, last ? Http2Block::Content::none : Http2Block::Content::follows);
    if (!last || (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)) return 0;
    if (Http2Stream* stream = session.stream_of(id)) stream->request_ends();
    return 0;
  }

  static int content(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                     std::size_t bytes, void* self) {
    if (Http2Stream* stream = of(self).stream_of(id)) stream->content(text(data, bytes));
    return 0;
  }

  // An answer may end before its request: the rest of that is of no use (RFC 9113 section 8.1).
  static int frame_sent(nghttp2_session* native, const nghttp2_frame* frame, void*) {
    const bool ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM &&
                      (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA);
    if (ends && nghttp2_session_get_stream_remote_close(native, frame->hd.stream_id) == 0)
      (void)nghttp2_submit_rst_stream(native, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                      NGHTTP2_NO_ERROR);
    return 0;
  }

  static int stream_closed(nghttp2_session*, std::int32_t id, std::uint32_t, void* self) {
    of(self).closed(id);
    return 0;
  }

  static nghttp2_session_callbacks* all() {
    nghttp2_session_callbacks* out = nullptr;
    nghttp2_session_callbacks_new(&out);
    nghttp2_session_callbacks_set_on_begin_headers_callback(out, begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(out, header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(out, frame_received);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(out, content);
    nghttp2_session_callbacks_set_on_frame_send_callback(out, frame_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(out, stream_closed);
    return out;
  }
};

Http2Session::Http2Session(async::Loop& loop, Passage& passage, Wire& client, Serve serve,
                           Patience patience)
    : loop_(loop),
      passage_(passage),
      client_(client),
      serve_(std::move(serve)),
      patience_(patience),
      used_(loop.now()) {}

Http2Session::~Http2Session() {
  over_ = true;
  serving_.reset();  // streams tell the session that they end
  nghttp2_session_del(session_);
}

bool Http2Session::begin() {
  static const Options options;
  static const nghttp2_session_callbacks* const callbacks = Callbacks::all();
  if (nghttp2_session_server_new2(&session_, callbacks, this, options.option) != 0) return false;
  const std::array settings{
      nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits::kHttp2Streams},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, Http2Stream::kFirstWindow},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
                             static_cast<std::uint32_t>(limits::kHeadBytes)}};
  return nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size()) ==
             0 &&
         nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                               limits::kHttp2ConnectionWindow) == 0;
}

Http2Stream* Http2Session::stream_of(std::int32_t id) const {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
}

ssize_t Http2Session::read_answer(nghttp2_session*, std::int32_t id, std::uint8_t* into,
                                  std::size_t room, std::uint32_t* flags, nghttp2_data_source*,
                                  void* self) {
  Http2Stream* stream = Callbacks::of(self).stream_of(id);
  return stream ? stream->take_answer({into, room}, *flags) : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

void Http2Session::request_begins(std::int32_t id, Http2Block::Content content) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  // Resets end streams sooner than their exchanges.
  if (serving_->size() >= limits::kHttp2ServedAtOnce) {
    (void)nghttp2_session_terminate_session(session_, NGHTTP2_ENHANCE_YOUR_CALM);
    return;
  }
  used_ = loop_.turned();
  found->second->request_begins(content);
  serving_->spawn(serve_stream(found->second));
}

Task<void> Http2Session::serve_stream(std::shared_ptr<Http2Stream> stream) {
  {
    Wire wire(loop_, {{}, Http2Stream::carrier(stream)});
    co_await serve_(wire);
  }
  co_await stream->drain(patience_.send);
  used_ = loop_.turned();
}

void Http2Session::closed(std::int32_t id) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  found->second->reset();
  streams_.erase(found);
}

// Hands what was received to nghttp2; false: the connection cannot go on.
bool Http2Session::take() {
  const auto bytes = client_.here();
  const auto taken = nghttp2_session_mem_recv(
      session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  if (taken < 0) return false;
  client_.consume(bytes.size());
  wake_writer();
  return nghttp2_session_get_outbound_queue_size(session_) <= limits::kHttp2QueuedFrames;
}

// No request is taken any more: those that are on their way learn it first (section 6.8).
void Http2Session::last_call() {
  (void)nghttp2_submit_shutdown_notice(session_);
  wake_writer();
}

void Http2Session::say_goodbye() {
  (void)nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                              nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR,
                              nullptr, 0);
  wake_writer();
}

// What comes for requests goes on with them; else it begins one.
void Http2Session::receive_as(async::Scope& open) {
  const auto work = serving_->size() > 0 ? async::Work::under_way : async::Work::beginning;
  if (receiving_->work() != work) receiving_.emplace(open, work);
}

// Ends when the client does, or when the writer has nothing left to say.
Task<void> Http2Session::receive(async::Scope& open) {
  enum class Stage { open, last_call, closing } stage = Stage::open;
  Time goodbye{};
  receiving_.emplace(open);
  while (client_.here().empty() || take()) {
    // Frames that ask nothing, pings above all, do not make it busy.
    const bool asks_nothing = stage == Stage::open && serving_->size() == 0;
    const Time until = stage == Stage::last_call ? goodbye
                       : asks_nothing            ? used_ + patience_.idle
                                                 : loop_.now() + patience_.idle;
    const Duration wait = std::max<Duration>(until - loop_.now(), Duration(0));
    if (stage == Stage::open) receive_as(open);
    IoResult<void> more = std::unexpected(IoError::timed_out);
    if (wait > Duration(0)) more = co_await client_.receive(wait).in(*receiving_);
    if (over_ || (more && client_.here().empty())) co_return;
    const bool late = !more && more.error() == IoError::timed_out;
    const bool idle = late && serving_->size() == 0 &&
                      (stage != Stage::open || loop_.now() >= used_ + patience_.idle);
    if (stage == Stage::open && !more && more.error() == IoError::cancelled) {
      stage = Stage::last_call;
      goodbye = loop_.now() + kLastCall;
      receiving_.emplace(co_await async::current_scope());
      last_call();
    } else if (!more && !late) {
      co_return;
    } else if ((stage == Stage::last_call && (late || loop_.now() >= goodbye)) ||
               (stage == Stage::open && idle)) {
      stage = Stage::closing;
      say_goodbye();
    } else if (idle) {
      co_return;
    }
  }
}

Task<void> Http2Session::write() {
  Passage::Hold held(passage_);
  for (;;) {
    const auto batch = gather_frames(session_, passage_.share(kFrameBatchBytes));
    if (!batch) break;
    held.set(2 * batch->size());  // a carrier has a copy, too
    if (!batch->empty() && !co_await client_.send(*batch, {}, patience_.send)) break;
    held.set(0);
    if (!batch->empty()) continue;
    if (!nghttp2_session_want_read(session_) && !nghttp2_session_want_write(session_)) break;
    to_write_.clear();
    if (!co_await to_write_.wait()) break;
  }
  over_ = true;
  if (receiving_) receiving_->cancel();
}

Task<void> Http2Session::run(async::Scope& open) {
  if (!begin()) co_return;
  serving_.emplace(co_await async::current_scope());
  async::TaskGroup writing(co_await async::current_scope());
  writing.spawn(write());
  co_await receive(open);
  over_ = true;
  for (auto& [id, stream] : std::exchange(streams_, {})) stream->reset();
  co_await serving_->join();
  writing.cancel();
  co_await writing.join();
}

}  // namespace nuri::router
