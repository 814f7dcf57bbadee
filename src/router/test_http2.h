#pragma once

// HTTP/2 clients for the router's tests, over a blocking connection: Http2Client behaves (nghttp2's
// own client), RawHttp2 writes frames as a test tells it.

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "router/test_sockets.h"

namespace nuri::router {

using Http2Pairs = std::vector<std::pair<std::string, std::string>>;

struct Http2Answer {
  int status = 0;
  std::vector<int> interims;
  Http2Pairs fields, trailer;
  std::string content;
  bool ended = false;                  // whole
  std::optional<std::uint32_t> reset;  // the code of a RST_STREAM
  bool over = false;                   // the stream is closed, or the connection
  std::string field(std::string_view name) const;
};

// How bytes go; what comes is at least one byte, "" at the end.
struct Http2Bytes {
  std::function<bool(std::string_view)> say;
  std::function<std::string()> hear_some;
};

class Http2Client {
 public:
  enum class Windows { open, closed };  // closed: of streams; only grant() opens them
  explicit Http2Client(Talk talk, Windows windows = Windows::open);
  explicit Http2Client(Http2Bytes bytes, Windows windows = Windows::open);
  ~Http2Client();
  Http2Client(const Http2Client&) = delete;
  Http2Client& operator=(const Http2Client&) = delete;

  // Sends a request without content; the stream's id.
  std::int32_t get(std::string_view host, std::string_view path = "/", Http2Pairs more = {});
  std::int32_t ask(std::string_view method, std::string_view host, std::string_view path,
                   Http2Pairs more = {});
  // Begins one with content, which content() brings and finish() ends.
  std::int32_t post(std::string_view host, std::string_view path = "/", Http2Pairs more = {});
  void content(std::int32_t id, std::string_view data);
  void finish(std::int32_t id, Http2Pairs trailer = {});
  void reset(std::int32_t id, std::uint32_t code = NGHTTP2_CANCEL);
  void grant(std::int32_t id, std::size_t bytes);

  // Sends and hears until `condition` holds; false if the connection ended or 20 s passed before.
  bool until(const std::function<bool()>& condition);
  // Until the stream is over.
  const Http2Answer& wait(std::int32_t id);
  const Http2Answer& answer(std::int32_t id) { return streams_[id].answer; }
  // The content so far, which is then forgotten.
  std::string take_content(std::int32_t id) {
    return std::exchange(streams_[id].answer.content, {});
  }
  // Bytes of content that were sent, by the connection's and the stream's windows.
  std::size_t sent(std::int32_t id) { return streams_[id].sent; }
  bool flush();
  bool goaway() const { return goaway_.has_value(); }
  std::optional<std::uint32_t> goaway_code() const { return goaway_; }
  // Until the peer has finished.
  bool ended();

 private:
  struct Stream {
    Http2Answer answer;
    std::string out;
    std::size_t sent = 0;  // of `out`
    bool uploads = false, out_ended = false;
    Http2Pairs trailer;
    bool final_head = false;
  };
  struct Callbacks;
  std::int32_t submit(std::string_view method, std::string_view host, std::string_view path,
                      const Http2Pairs& more, bool uploads);

  Talk talk_;
  Http2Bytes bytes_;
  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, Stream> streams_;
  std::optional<std::uint32_t> goaway_;
  bool ended_ = false;
};

class RawHttp2 {
 public:
  // Says the preface and empty settings.
  explicit RawHttp2(Talk talk);
  struct Frame {
    std::uint8_t type = 255, flags = 0;  // 255: the connection ended
    std::uint32_t stream = 0;
    std::string payload;
    std::uint32_t code() const;  // of RST_STREAM and GOAWAY
  };
  bool say(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, std::string_view payload);
  // The next frame of one of these types; others are dropped.
  Frame hear(std::vector<std::uint8_t> types);
  Talk& talk() { return talk_; }

  static std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                           std::string_view payload);
  // A header block, each field literal and not indexed (RFC 7541 section 6.2.2).
  static std::string block(const Http2Pairs& fields);
  // The block of a GET, with other fields after it.
  static std::string get_block(std::string_view host, const Http2Pairs& more = {});

 private:
  Talk talk_;
};

}  // namespace nuri::router
