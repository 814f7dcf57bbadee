#include "router/test_http2.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "router/http2_session.h"

namespace nuri::router {
namespace {

nghttp2_nv pair_of(std::string_view name, std::string_view value) {
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

std::vector<nghttp2_nv> list_of(const Http2Pairs& pairs) {
  std::vector<nghttp2_nv> out;
  for (const auto& [name, value] : pairs) out.push_back(pair_of(name, value));
  return out;
}

std::string view(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace

std::string Http2Answer::field(std::string_view name) const {
  for (const auto& [n, v] : fields)
    if (n == name) return v;
  return "";
}

struct Http2Client::Callbacks {
  static Stream& stream(void* self, std::int32_t id) {
    return static_cast<Http2Client*>(self)->streams_[id];
  }
  static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_bytes, const std::uint8_t* value, std::size_t value_bytes,
                    std::uint8_t, void* self) {
    Stream& s = stream(self, frame->hd.stream_id);
    const std::string n = view(name, name_bytes), v = view(value, value_bytes);
    if (n == ":status") {
      s.answer.status = std::stoi(v);
      s.final_head = s.answer.status >= 200;
      if (!s.final_head) s.answer.interims.push_back(s.answer.status);
    } else if (frame->headers.cat == NGHTTP2_HCAT_HEADERS && s.final_head &&
               frame->hd.flags & NGHTTP2_FLAG_END_STREAM) {
      s.answer.trailer.emplace_back(n, v);
    } else {
      s.answer.fields.emplace_back(n, v);
    }
    return 0;
  }
  static int frame(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    auto& client = *static_cast<Http2Client*>(self);
    if (frame->hd.type == NGHTTP2_GOAWAY) client.goaway_ = frame->goaway.error_code;
    if (frame->hd.type == NGHTTP2_RST_STREAM)
      client.streams_[frame->hd.stream_id].answer.reset = frame->rst_stream.error_code;
    if ((frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) &&
        frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
      client.streams_[frame->hd.stream_id].answer.ended = true;
    return 0;
  }
  static int content(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                     std::size_t bytes, void* self) {
    stream(self, id).answer.content += view(data, bytes);
    return 0;
  }
  static int closed(nghttp2_session*, std::int32_t id, std::uint32_t, void* self) {
    stream(self, id).answer.over = true;
    return 0;
  }
  static ssize_t upload(nghttp2_session* session, std::int32_t id, std::uint8_t* into,
                        std::size_t room, std::uint32_t* flags, nghttp2_data_source*, void* self) {
    Stream& s = stream(self, id);
    const std::size_t n = std::min(room, s.out.size() - s.sent);
    std::memcpy(into, s.out.data() + s.sent, n);
    s.sent += n;
    if (!s.out_ended || s.sent < s.out.size()) return n == 0 ? NGHTTP2_ERR_DEFERRED : ssize_t(n);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!s.trailer.empty()) {
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      const auto list = list_of(s.trailer);
      nghttp2_submit_trailer(session, id, list.data(), list.size());
    }
    return ssize_t(n);
  }
};

Http2Client::Http2Client(Talk talk, Windows windows) : Http2Client(Http2Bytes{}, windows) {
  talk_ = std::move(talk);
  bytes_ = {.say = [this](std::string_view text) { return talk_.say(text); },
            .hear_some = [this] { return talk_.hear_some(); }};
}

Http2Client::Http2Client(Http2Bytes bytes, Windows windows) : bytes_(std::move(bytes)) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::content);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::closed);
  nghttp2_option* option = nullptr;
  nghttp2_option_new(&option);
  nghttp2_option_set_no_auto_window_update(option, windows == Windows::closed);
  nghttp2_session_client_new2(&session_, callbacks, this, option);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  const nghttp2_settings_entry none{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &none, windows == Windows::closed ? 1 : 0);
}

Http2Client::~Http2Client() { nghttp2_session_del(session_); }

std::int32_t Http2Client::submit(std::string_view method, std::string_view host,
                                 std::string_view path, const Http2Pairs& more, bool uploads) {
  Http2Pairs all{{":method", std::string(method)},
                 {":scheme", "http"},
                 {":authority", std::string(host)},
                 {":path", std::string(path)}};
  all.insert(all.end(), more.begin(), more.end());
  const auto list = list_of(all);
  nghttp2_data_provider content{{.ptr = nullptr}, Callbacks::upload};
  const auto id = nghttp2_submit_request(session_, nullptr, list.data(), list.size(),
                                         uploads ? &content : nullptr, nullptr);
  EXPECT_GT(id, 0);
  streams_[id].uploads = uploads;
  flush();
  return id;
}

std::int32_t Http2Client::ask(std::string_view method, std::string_view host, std::string_view path,
                              Http2Pairs more) {
  return submit(method, host, path, more, false);
}
std::int32_t Http2Client::get(std::string_view host, std::string_view path, Http2Pairs more) {
  return submit("GET", host, path, more, false);
}
std::int32_t Http2Client::post(std::string_view host, std::string_view path, Http2Pairs more) {
  return submit("POST", host, path, more, true);
}

void Http2Client::content(std::int32_t id, std::string_view data) {
  streams_[id].out += data;
  nghttp2_session_resume_data(session_, id);
  flush();
}

void Http2Client::finish(std::int32_t id, Http2Pairs trailer) {
  streams_[id].out_ended = true;
  streams_[id].trailer = std::move(trailer);
  nghttp2_session_resume_data(session_, id);
  flush();
}

void Http2Client::reset(std::int32_t id, std::uint32_t code) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, code);
  flush();
}

void Http2Client::grant(std::int32_t id, std::size_t bytes) {
  nghttp2_submit_window_update(session_, NGHTTP2_FLAG_NONE, id, static_cast<std::int32_t>(bytes));
  flush();
}

bool Http2Client::flush() {
  const std::uint8_t* frame = nullptr;
  for (ssize_t n; (n = nghttp2_session_mem_send(session_, &frame)) > 0;)
    if (!bytes_.say({reinterpret_cast<const char*>(frame), static_cast<std::size_t>(n)}))
      return false;
  return true;
}

bool Http2Client::until(const std::function<bool()>& condition) {
  while (!condition()) {
    flush();
    const std::string more = ended_ ? "" : bytes_.hear_some();
    ended_ = more.empty();
    if (ended_) return false;
    const auto taken = nghttp2_session_mem_recv(
        session_, reinterpret_cast<const std::uint8_t*>(more.data()), more.size());
    EXPECT_EQ(taken, static_cast<ssize_t>(more.size())) << "the router breaks the protocol";
    flush();
  }
  return true;
}

const Http2Answer& Http2Client::wait(std::int32_t id) {
  until([&] { return answer(id).over; });
  return answer(id);
}

bool Http2Client::ended() {
  until([] { return false; });
  return ended_;
}

RawHttp2::RawHttp2(Talk talk) : talk_(std::move(talk)) {
  talk_.say(Http2Session::kPreface);
  say(NGHTTP2_SETTINGS, 0, 0, "");
}

std::uint32_t RawHttp2::Frame::code() const {
  const std::size_t at = type == NGHTTP2_GOAWAY ? 4 : 0;
  std::uint32_t out = 0;
  for (std::size_t n = at; n < at + 4 && n < payload.size(); ++n)
    out = out << 8 | static_cast<unsigned char>(payload[n]);
  return out;
}

std::string RawHttp2::frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                            std::string_view payload) {
  const auto byte = [](std::size_t value) { return static_cast<char>(value & 0xff); };
  const std::size_t n = payload.size();
  std::string out{byte(n >> 16),      byte(n >> 8),      byte(n),
                  char(type),         char(flags),       byte(stream >> 24),
                  byte(stream >> 16), byte(stream >> 8), byte(stream)};
  return out.append(payload);
}

bool RawHttp2::say(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                   std::string_view payload) {
  return talk_.say(frame(type, flags, stream, payload));
}

RawHttp2::Frame RawHttp2::hear(std::vector<std::uint8_t> types) {
  for (;;) {
    const std::string head = talk_.hear(9);
    if (head.size() < 9) return {};
    const auto byte = [&](std::size_t n) { return std::uint32_t(std::uint8_t(head[n])); };
    Frame out;
    out.type = std::uint8_t(head[3]);
    out.flags = std::uint8_t(head[4]);
    out.stream = (byte(5) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8)) & 0x7fffffff;
    out.payload = talk_.hear(byte(0) << 16 | byte(1) << 8 | byte(2));
    if (std::ranges::find(types, out.type) != types.end()) return out;
  }
}

std::string RawHttp2::block(const Http2Pairs& fields) {
  std::string out;
  const auto text = [&](std::string_view s) {
    if (s.size() < 127) {
      out += static_cast<char>(s.size());
    } else {
      out += '\x7f';
      std::size_t rest = s.size() - 127;
      for (; rest >= 128; rest >>= 7) out += static_cast<char>(0x80 | (rest & 0x7f));
      out += static_cast<char>(rest);
    }
    out += s;
  };
  for (const auto& [name, value] : fields) {
    out += '\0';
    text(name);
    text(value);
  }
  return out;
}

std::string RawHttp2::get_block(std::string_view host, const Http2Pairs& more) {
  Http2Pairs all{
      {":method", "GET"}, {":scheme", "http"}, {":authority", std::string(host)}, {":path", "/"}};
  all.insert(all.end(), more.begin(), more.end());
  return block(all);
}

}  // namespace nuri::router
