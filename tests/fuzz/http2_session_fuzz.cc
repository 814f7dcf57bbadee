// A whole HTTP/2 connection from a client that says anything, frame by frame, slowly or at once,
// and takes the answers or does not, before apps of several manners. It ends, in bounded time, with
// every request's task; nothing is counted as held after it.
//
// The first byte chooses how the client behaves; then come frames: type, flags, stream, length,
// payload. Of a type of 0x80 and more the payload is said as it is.

#include "async/deadline.h"
#include "async/simulated_loop.h"
#include "base/assert.h"
#include "router/http2_session.h"

namespace {

using namespace nuri;
using namespace nuri::router;

constexpr Duration kIdle = 60s, kSend = 10s;

struct Manner {
  explicit Manner(unsigned char bits)
      : piece(std::size_t{1} << (bits & 15)),
        pauses((bits & 16) != 0),
        takes_nothing((bits & 32) != 0),
        stays((bits & 64) != 0),
        drains((bits & 128) != 0) {}
  std::size_t piece;  // of bytes that come at once
  bool pauses;        // between pieces
  bool takes_nothing;
  bool stays;   // silent, after all was said
  bool drains;  // the router ends
};

class Client final : public Carrier {
 public:
  Client(std::string said, Manner manner) : said_(std::move(said)), manner_(manner) {}

  Task<IoResult<void>> receive(std::string& into, Duration limit) override {
    if (at_ == said_.size()) {
      if (manner_.stays) {
        if (auto slept = co_await async::sleep(limit); !slept) co_return slept;
        co_return std::unexpected(IoError::timed_out);
      }
      if (watcher_) watcher_->cancel();
      co_return IoResult<void>{};
    }
    if (manner_.pauses)
      if (auto slept = co_await async::sleep(std::min<Duration>(limit, 1ms)); !slept)
        co_return slept;
    const std::size_t n = std::min({manner_.piece, kRoom, said_.size() - at_});
    into.append(said_, at_, n);
    at_ += n;
    co_return IoResult<void>{};
  }
  Task<IoResult<void>> send(std::string_view first, std::string_view second, std::size_t& sent,
                            Duration limit) override {
    if (manner_.takes_nothing) {
      if (auto slept = co_await async::sleep(limit); !slept) co_return slept;
      co_return std::unexpected(IoError::timed_out);
    }
    if (auto slept = co_await async::yield(); !slept) co_return slept;
    sent = first.size() + second.size();
    co_return IoResult<void>{};
  }
  Task<IoResult<void>> takes_more(Duration) override { co_return IoResult<void>{}; }
  void finish() override {}
  void break_off() override {}
  bool bytes_wait() const override { return at_ < said_.size(); }
  void watch(async::Scope* scope) override { watcher_ = scope; }
  bool hung_up() const override { return false; }

 private:
  std::string said_;
  std::size_t at_ = 0;
  Manner manner_;
  async::Scope* watcher_ = nullptr;
};

struct Apps {
  http::HeadSpace space{};
  int begun = 0, ended = 0;

  // What it answers hangs on the request's target: /e echoes, /s says something at once, /i an
  // interim answer before, /b breaks off, /c is cut short, else nothing.
  Task<void> serve(Wire& wire) {
    ++begun;
    Wire::HeadReader reader(wire, http::HeadParser::Kind::request, space, kIdle, kIdle);
    while (!reader.done()) reader.note(co_await wire.receive(reader.patience()));
    if (reader.head().outcome == Wire::Head::Outcome::complete) {
      const http::HeadView& head = *reader.head().view;
      const char manner = head.target.size() > 1 ? head.target[1] : ' ';
      wire.consume(head.bytes);
      co_await answer(wire, manner);
    }
    ++ended;
  }

 private:
  static Task<void> answer(Wire& wire, char manner) {
    const auto say = [&](std::string_view text) { return wire.send(text, {}, kSend); };
    if (manner == 'e') {
      if (!co_await say("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")) co_return;
      for (int n = 0; n < 100; ++n) {
        if (!co_await say(std::string(1000, 'x'))) co_return;
        wire.consume(wire.here().size());
        if (n < 20 && !co_await wire.receive(1s)) co_return;
      }
    } else if (manner == 's') {
      (void)co_await say(
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nT: x\r\n\r\n");
    } else if (manner == 'i') {
      if (!co_await say("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")) co_return;
      (void)co_await say("HTTP/1.1 204 No Content\r\n\r\n");
    } else if (manner == 'b') {
      wire.break_off();
    } else if (manner == 'c') {
      (void)co_await say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nxy");
    }
  }
};

std::string frames_of(std::string_view input) {
  std::string out(Http2Session::kPreface);
  while (input.size() >= 4) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(input[at]); };
    const bool raw = byte(0) >= 0x80;
    const std::size_t length = std::min<std::size_t>(byte(3), input.size() - 4);
    if (!raw) {
      out += {'\0', '\0', static_cast<char>(length), input[0], input[1], '\0', '\0', '\0'};
      out += input[2];
    }
    out += input.substr(4, length);
    input.remove_prefix(4 + length);
  }
  return out;
}

Task<void> converse(async::Loop& loop, Passage& passage, Apps& apps, std::string said,
                    Manner manner) {
  async::Scope open(co_await async::current_scope());
  if (manner.drains) open.cancel();
  Wire client(loop, {{}, std::make_unique<Client>(std::move(said), manner)});
  Http2Session session(loop, passage, client, [&apps](Wire& wire) { return apps.serve(wire); },
                       {.idle = kIdle, .send = kSend});
  co_await session.run(open);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  Passage passage;
  Apps apps;
  {
    async::SimulatedLoop loop(1);
    const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
    const Time began = loop.now();
    loop.run(converse(loop, passage, apps, frames_of(input), Manner(data[0])));
    NURI_ASSERT(loop.now() - began < 1h);
  }
  NURI_ASSERT(apps.begun == apps.ended);
  NURI_ASSERT(passage.held() == 0);
  return 0;
}
