#include "http/client.h"

#include <gtest/gtest.h>

#include "async/deadline.h"
#include "async/simulated_loop.h"
#include "http/memory_dialer.h"

namespace nuri::http {
namespace {

class ChunkedUpload final : public Body {
 public:
  ChunkedUpload(std::vector<std::string> pieces, std::optional<std::uint64_t> length)
      : pieces_(std::move(pieces)), length_(length) {}
  Task<IoResult<async::Chunk>> read() override {
    if (next_ == pieces_.size()) co_return async::Chunk();
    co_return async::Chunk::copy_of(pieces_[next_++]);
  }
  std::optional<std::uint64_t> length() const override { return length_; }

 private:
  std::vector<std::string> pieces_;
  std::optional<std::uint64_t> length_;
  std::size_t next_ = 0;
};

class EndlessUpload final : public Body {
 public:
  Task<IoResult<async::Chunk>> read() override {
    co_return async::Chunk::copy_of(std::string(4096, 'x'));
  }
  std::optional<std::uint64_t> length() const override { return std::nullopt; }
};

class ThrowingUpload final : public Body {
 public:
  Task<IoResult<async::Chunk>> read() override {
    throw Error(Code::data_loss, "the file changed");
    co_return async::Chunk();
  }
  std::optional<std::uint64_t> length() const override { return 10; }
};

// "/echo" the content, "/big" a megabyte, "/refuse" 403 without reading, "/slow" after a minute,
// "/empty" 204, else what was asked.
class World final : public Service {
 public:
  Task<void> serve(Request& request, Response& response) override {
    ++served;
    if (request.path == "/echo") {
      auto body = co_await read_all(*request.body, 1 << 20);
      co_await response.send(200, {}, body ? *body : "failed");
    } else if (request.path == "/big") {
      co_await response.head(200, {});
      for (int i = 0; i < 256; ++i)
        if (!co_await response.write(std::string(4096, static_cast<char>('a' + i % 26)))) co_return;
      co_await response.finish();
    } else if (request.path == "/refuse") {
      co_await response.send(403, {}, "no");
    } else if (request.path == "/slow") {
      // tidy-allow: test-sleep the loop is simulated, so its clock jumps
      co_await async::sleep(60s);
      co_await response.send(200, {}, "at last");
    } else if (request.path == "/empty") {
      co_await response.send(204, {}, "");
    } else {
      co_await response.send(200, {{"X-Seen", std::string(*request.headers.get("host"))}},
                             request.method + " " + request.target);
    }
  }
  int served = 0;
};

struct Place {
  async::SimulatedLoop& loop;
  World& world;
  Server& server;
  MemoryDialer& dialer;
  Client& client;
};

using Script = Task<void> (*)(Place);

Task<void> in_place(async::SimulatedLoop& loop, Script script, std::size_t piece) {
  World world;
  Server server(loop, world, {.random = &loop.random()});
  async::TaskGroup group(loop);
  MemoryDialer dialer(loop, group, server, piece);
  {
    Client client(loop, dialer);
    co_await script({loop, world, server, dialer, client});
  }
  server.drain();
  co_await group.join();
}

void play(Script script, std::size_t piece = 4096) {
  async::SimulatedLoop loop(7);
  loop.run(in_place(loop, script, piece));
}

Task<std::string> text_of(IoResult<ClientResponse> response) {
  if (!response) co_return std::string(describe(response.error()));
  auto body = co_await read_all(*response->body, 2 << 20);
  co_return std::to_string(response->status) + " " +
      (body ? *body : std::string(describe(body.error())));
}

ClientRequest get(std::string path) { return {.url = "http://app.example:81" + path}; }

TEST(Client, UsesAConnectionAgain) {
  play([](Place p) -> Task<void> {
    EXPECT_EQ(co_await text_of(co_await p.client.request(get("/a?b"))), "200 GET /a?b");
    EXPECT_EQ(p.client.kept(), 1U);
    auto second = co_await p.client.request(get("/c"));
    EXPECT_EQ(second->headers.get("x-seen"), "app.example:81");
    EXPECT_EQ(p.client.kept(), 0U);
    EXPECT_EQ(co_await text_of(std::move(second)), "200 GET /c");
    EXPECT_EQ(co_await text_of(co_await p.client.request(get("/empty"))), "204 ");
    EXPECT_EQ(p.dialer.dialled(), 1U);
  });
}

TEST(Client, AnAnswerWithoutContentGivesItsConnectionBackUnread) {
  play([](Place p) -> Task<void> {
    {
      auto response = co_await p.client.request(get("/empty"));
      EXPECT_EQ(response->status, 204);
    }
    EXPECT_EQ(p.client.kept(), 1U);
  });
}

TEST(Client, AnAnswerThatIsDroppedClosesItsConnection) {
  play([](Place p) -> Task<void> {
    {
      auto response = co_await p.client.request(get("/big"));
      EXPECT_EQ((co_await response->body->read())->empty(), false);
    }
    EXPECT_EQ(p.client.kept(), 0U);
  });
}

TEST(Client, SendsContentOfAnySizeAndReadsItBack) {
  for (const std::size_t piece : {1U, 1000U, 65536U}) {
    play(
        [](Place p) -> Task<void> {
          for (const std::size_t size : {std::size_t{0}, std::size_t{5}, std::size_t{300'000}}) {
            ClientRequest request = get("/echo");
            request.method = "POST";
            request.body = std::string(size, 'q');
            EXPECT_EQ(co_await text_of(co_await p.client.request(std::move(request))),
                      "200 " + std::string(size, 'q'));
          }
          EXPECT_EQ(p.dialer.dialled(), 1U);
        },
        piece);
  }
}

TEST(Client, StreamsAnUploadWithAndWithoutItsLength) {
  play([](Place p) -> Task<void> {
    for (const auto length : {std::optional<std::uint64_t>(7), std::optional<std::uint64_t>()}) {
      ClientRequest request = get("/echo");
      request.method = "PUT";
      request.upload =
          std::make_unique<ChunkedUpload>(std::vector<std::string>{"one", "t", "wo!"}, length);
      EXPECT_EQ(co_await text_of(co_await p.client.request(std::move(request))), "200 onetwo!");
    }
    EXPECT_EQ(p.dialer.dialled(), 1U);
  });
}

TEST(Client, AnAnswerBeforeTheUploadEndedStopsTheUpload) {
  play([](Place p) -> Task<void> {
    ClientRequest request = get("/refuse");
    request.method = "PUT";
    request.upload = std::make_unique<EndlessUpload>();
    EXPECT_EQ(co_await text_of(co_await p.client.request(std::move(request))), "403 no");
    EXPECT_EQ(p.client.kept(), 0U);
  });
}

TEST(Client, WhatTheUploadThrowsReachesTheCaller) {
  play([](Place p) -> Task<void> {
    ClientRequest request = get("/echo");
    request.method = "PUT";
    request.upload = std::make_unique<ThrowingUpload>();
    std::string thrown;
    try {
      co_await p.client.request(std::move(request));
    } catch (const Error& error) {
      thrown = error.message();
    }
    EXPECT_EQ(thrown, "the file changed");
  });
}

TEST(Client, StreamsALargeAnswer) {
  play([](Place p) -> Task<void> {
    auto response = co_await p.client.request(get("/big"));
    auto body = co_await read_all(*response->body, 2 << 20);
    EXPECT_EQ(body->size(), 1U << 20);
    EXPECT_EQ(body->back(), 'a' + 255 % 26);
    response = co_await p.client.request(get("/big"));
    body = co_await read_all(*response->body, 1000);
    EXPECT_EQ(body.error(), IoError::too_large);
  });
}

TEST(Client, AnAnswerThatDoesNotComeTimesOut) {
  play([](Place p) -> Task<void> {
    ClientRequest request = get("/slow");
    request.answer_deadline = 10s;
    const Time start = p.loop.now();
    EXPECT_EQ(co_await text_of(co_await p.client.request(std::move(request))), "timed out");
    EXPECT_EQ(p.loop.now() - start, 10s);
    EXPECT_EQ(co_await text_of(co_await p.client.request(get("/slow"))), "200 at last");
  });
}

TEST(Client, AKeptConnectionIsNotKeptForEver) {
  play([](Place p) -> Task<void> {
    co_await text_of(co_await p.client.request(get("/")));
    EXPECT_EQ(p.server.connections(), 1U);
    // tidy-allow: test-sleep the loop is simulated, so its clock jumps
    co_await async::sleep(limits::kKeptDeadline + 1s);
    EXPECT_EQ(p.client.kept(), 0U);
    EXPECT_EQ(p.server.connections(), 0U);
  });
}

TEST(Client, RefusesWhatIsNotAnHttpUrl) {
  play([](Place p) -> Task<void> {
    for (const char* url : {"", "/x", "ftp://a/", "http://", "http://a b/", "http://a/\r\nX: y",
                            "http://a/#x", "http://u:p@a/", "http://a:0/", "http://a:99999/"}) {
      const auto response = co_await p.client.request({.url = url});
      EXPECT_EQ(response.error(), IoError::malformed) << url;
    }
    EXPECT_EQ(p.dialer.dialled(), 0U);
  });
}

// A peer that answers each connection with the next of `answers`, whatever it is asked.
class Scripted final : public Dialer {
 public:
  Scripted(async::Loop& loop, async::TaskGroup& group, std::vector<std::string> answers)
      : loop_(loop), group_(group), answers_(std::move(answers)) {}
  Task<IoResult<std::unique_ptr<net::Stream>>> dial(const Url&, const net::Address&,
                                                    std::string&) override {
    auto [near, far] = net::memory_pair(loop_);
    group_.spawn(answer(*this, std::move(far)));
    co_return std::move(near);
  }
  std::vector<std::string> asked;

 private:
  static Task<void> answer(Scripted& self, std::unique_ptr<net::Stream> stream) {
    const std::size_t n = self.asked.size();
    self.asked.emplace_back();
    for (std::string_view rest = self.answers_.at(n);;) {
      auto chunk = co_await stream->recv();
      if (!chunk || chunk->empty()) co_return;
      self.asked[n] += chunk->view();
      // "|" stands between what is said to one request and to the next; nothing: leave.
      const std::string_view now = rest.substr(0, rest.find('|'));
      rest.remove_prefix(std::min(rest.size(), now.size() + 1));
      if (now.empty()) co_return;
      co_await stream->send(now);
      if (rest.empty()) co_return;
    }
  }
  async::Loop& loop_;
  async::TaskGroup& group_;
  std::vector<std::string> answers_;
};

Task<std::string> ask(async::SimulatedLoop& loop, std::vector<std::string> answers,
                      std::vector<std::string> methods, std::size_t& connections) {
  async::TaskGroup group(loop);
  Scripted dialer(loop, group, std::move(answers));
  std::string out;
  {
    Client client(loop, dialer);
    for (const std::string& method : methods) {
      ClientRequest request = get("/");
      request.method = method;
      out += co_await text_of(co_await client.request(std::move(request))) + ";";
      // tidy-allow: test-sleep the loop is simulated, so its clock jumps
      co_await async::sleep(1s);
    }
  }
  co_await group.join();
  connections = dialer.asked.size();
  co_return out;
}

std::string answers_to(std::vector<std::string> methods, std::vector<std::string> answers,
                       std::size_t expected_connections = 1) {
  async::SimulatedLoop loop(3);
  std::size_t connections = 0;
  std::string out = loop.run(ask(loop, std::move(answers), std::move(methods), connections));
  EXPECT_EQ(connections, expected_connections) << out;
  return out;
}

const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST(ClientPeer, InterimAnswersArePassedOver) {
  EXPECT_EQ(answers_to({"GET"}, {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + kOk}), "200 ok;");
  std::string many;
  for (std::size_t i = 0; i < 40; ++i) many += "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_EQ(answers_to({"GET"}, {many + kOk}), "the peer broke the protocol;");
  EXPECT_EQ(answers_to({"GET"}, {"HTTP/1.1 101 x\r\n\r\n" + kOk}), "the peer broke the protocol;");
}

TEST(ClientPeer, ContentUpToTheEndOfTheConnection) {
  EXPECT_EQ(answers_to({"GET"}, {"HTTP/1.1 200 OK\r\n\r\nall of it"}), "200 all of it;");
  EXPECT_EQ(answers_to({"HEAD"}, {"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"}), "200 ;");
}

TEST(ClientPeer, ContentCutShortIsAnError) {
  EXPECT_EQ(answers_to({"GET"}, {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"}),
            "200 the connection ended early;");
  EXPECT_EQ(
      answers_to({"GET"}, {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"}),
      "200 the connection ended early;");
  EXPECT_EQ(answers_to({"GET"}, {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz"}),
            "200 the peer broke the protocol;");
}

TEST(ClientPeer, AnswersThatAreNotHttpAreRefused) {
  EXPECT_EQ(answers_to({"GET"}, {"SSH-2.0-OpenSSH_9.2\r\n\r\n"}), "the peer broke the protocol;");
  EXPECT_EQ(
      answers_to({"GET"}, {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"}),
      "the peer broke the protocol;");
}

TEST(ClientPeer, AKeptConnectionThatTurnsOutClosedIsReplacedOnceIfThatIsSafe) {
  // The first connection answers once, and leaves when it is asked again.
  EXPECT_EQ(answers_to({"GET", "GET"}, {kOk + "||x", kOk}, 2), "200 ok;200 ok;");
  EXPECT_EQ(answers_to({"GET", "POST"}, {kOk + "||x", kOk}, 1),
            "200 ok;the connection ended early;");
  // It had begun to answer.
  EXPECT_EQ(answers_to({"GET", "GET"}, {kOk + "|HTTP/1.1 2", kOk}, 1),
            "200 ok;the connection ended early;");
  // A new connection that fails is not tried again.
  EXPECT_EQ(answers_to({"GET"}, {"", kOk}, 1), "the connection ended early;");
}

TEST(ClientPeer, AKeptConnectionThatIsSeenToBeClosedIsNotUsed) {
  EXPECT_EQ(answers_to({"POST", "POST"}, {kOk, kOk}, 2), "200 ok;200 ok;");
}

TEST(ClientPeer, BytesAfterAnAnswerSpoilTheConnection) {
  EXPECT_EQ(answers_to({"GET", "GET"}, {kOk + "HTTP/1.1 200 forged\r\n\r\n|x", kOk}, 2),
            "200 ok;200 ok;");
}

}  // namespace
}  // namespace nuri::http
