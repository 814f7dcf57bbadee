#pragma once

// Http2Session: one client's connection that speaks HTTP/2 (RFC 9113, by nghttp2). Each request is
// served by a task of its own over an Http2Stream. One loop's thread; no exceptions.
//
// Limits: streams at once; resets, settings, pings and CONTINUATION frames as nghttp2 counts them;
// a head as HTTP/1.1 has it; content by the windows: what a request's task has not taken is not
// granted anew.

#include <nghttp2/nghttp2.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "async/task_group.h"
#include "router/http2_stream.h"
#include "router/wire.h"

namespace nuri::router {

class Http2Session {
 public:
  // `serve`: one request and its answer, over the wire that it is given. `idle`: without requests;
  // `send`: for each piece that the client must take. All outlive run().
  using Serve = std::function<Task<void>(Wire&)>;
  struct Patience {
    Duration idle, send;
  };
  Http2Session(async::Loop& loop, Passage& passage, Wire& client, Serve serve, Patience patience);
  ~Http2Session();
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;

  // Until the connection is over. Its first bytes may be in the wire. When `open` is cancelled no
  // request is accepted any more; those under way are served to their end.
  Task<void> run(async::Scope& open);

  // The first bytes of every such connection (section 3.4).
  static constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

  // For the streams.
  nghttp2_session* native() const { return session_; }
  http::HeadSpace& head_space() { return head_space_; }
  Passage& passage() { return passage_; }
  bool over() const { return over_; }
  void wake_writer() { to_write_.set(); }
  static ssize_t read_answer(nghttp2_session*, std::int32_t id, std::uint8_t* into,
                             std::size_t room, std::uint32_t* flags, nghttp2_data_source*,
                             void* self);

 private:
  struct Callbacks;
  bool begin();
  bool take();
  Task<void> receive(async::Scope& open);
  void receive_as(async::Scope& open);
  Task<void> write();
  Task<void> serve_stream(std::shared_ptr<Http2Stream> stream);
  void request_begins(std::int32_t id, Http2Block::Content content);
  Http2Stream* stream_of(std::int32_t id) const;
  void closed(std::int32_t id);
  void last_call();
  void say_goodbye();

  async::Loop& loop_;
  Passage& passage_;
  Wire& client_;
  Serve serve_;
  Patience patience_;
  nghttp2_session* session_ = nullptr;
  http::HeadSpace head_space_;
  std::map<std::int32_t, std::shared_ptr<Http2Stream>> streams_;
  std::optional<async::TaskGroup> serving_;
  Time used_;  // when a request began or ended, or the connection
  async::Event to_write_;
  std::optional<async::Scope> receiving_;
  bool over_ = false;  // nothing can be sent or received any more
};

}  // namespace nuri::router
