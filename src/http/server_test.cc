#include "http/server.h"

#include <gtest/gtest.h>

#include <functional>

#include "async/deadline.h"
#include "async/simulated_loop.h"
#include "net/memory_stream.h"

// One connection in memory on the simulated loop: every deadline is virtual.

namespace nuri::http {
namespace {

using async::SimulatedLoop;

using Answer = Task<void> (*)(Request&, Response&);
class FunctionService final : public Service {
 public:
  explicit FunctionService(Answer answer) : answer_(answer) {}
  Task<void> serve(Request& request, Response& response) override {
    ++served;
    return answer_(request, response);
  }
  int served = 0;

 private:
  Answer answer_;
};

Task<void> hello(Request& request, Response& response) {
  co_await response.send(200, {{"X-Path", request.path}}, "hello " + request.method);
}

Task<void> echo(Request& request, Response& response) {
  auto body = co_await read_all(*request.body, 1 << 20);
  if (!body) co_return;
  co_await response.send(200, {}, std::move(*body));
}

Task<void> ignore_body(Request&, Response& response) { co_await response.send(200, {}, "ok"); }

Task<void> stream(Request& request, Response& response) {
  co_await response.head(200, {}, request.path == "/counted" ? std::optional(6) : std::nullopt);
  co_await response.write("abc");
  co_await response.write("");
  co_await response.write("def");
  co_await response.finish();
}

Task<void> fail(Request& request, Response&) {
  if (request.path == "/missing") throw Error(Code::not_found, "App not found");
  throw std::runtime_error("disk on fire");
  co_return;
}

// What a test needs to play the client.
struct Client {
  std::unique_ptr<net::Stream> stream;
  std::string received;
  bool ended = false;

  Task<void> receive_some() {
    auto chunk = co_await stream->recv();
    if (!chunk || chunk->empty()) {
      ended = true;
      co_return;
    }
    received += chunk->view();
  }
  Task<void> receive_until(std::string_view text) {
    while (!ended && received.find(text) == received.npos) co_await receive_some();
  }
  Task<void> receive_all() {
    while (!ended) co_await receive_some();
  }
};

using Script = Task<void> (*)(Client&, Server&, SimulatedLoop&);

struct Session {
  SimulatedLoop loop{1};
  FunctionService service;
  Client client;
  Session(Answer answer, Script script, ServerOptions options = {}, std::size_t piece = 4096)
      : service(answer) {
    options.random = &loop.random();
    Server server(loop, service, options);
    loop.run(play(*this, server, script, piece));
    EXPECT_EQ(server.connections(), 0U);
  }
  static Task<void> serve_and_close(Server& server, std::unique_ptr<net::Stream> end) {
    co_await server.serve_connection(*end);
  }
  static Task<void> play(Session& run, Server& server, Script script, std::size_t piece) {
    auto [near, far] = net::memory_pair(run.loop, piece);
    run.client.stream = std::move(near);
    async::TaskGroup group(run.loop);
    group.spawn(serve_and_close(server, std::move(far)));
    co_await script(run.client, server, run.loop);
    run.client.stream.reset();
    co_await group.join();
  }
};

// Virtual time.
Task<void> pass(Duration time) {
  // tidy-allow: test-sleep the loop is simulated, so its clock jumps
  co_await async::sleep(time);
}

Task<void> say(Client& client, std::string_view text) { co_await client.stream->send(text); }

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++n;
  return n;
}

#define HOST "Host: a\r\n"

TEST(Server, AnswersWithLengthDateAndRequestId) {
  const Session run(hello, [](Client& c, Server&, SimulatedLoop&) -> Task<void> {
    co_await say(c, "GET /x HTTP/1.1\r\n" HOST "X-Vcap-Request-Id: my-id\r\n\r\n");
    co_await c.receive_until("hello GET");
  });
  EXPECT_EQ(run.client.received,
            "HTTP/1.1 200 OK\r\nX-Path: /x\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\n"
            "X-Vcap-Request-Id: my-id\r\nContent-Length: 9\r\n\r\nhello GET");
}

TEST(Server, ServesPipelinedRequestsInOrderHoweverTheyAreCut) {
  for (const std::size_t piece : {1U, 7U, 4096U}) {
    const Session run(
        echo,
        [](Client& c, Server&, SimulatedLoop&) -> Task<void> {
          co_await say(c, "POST /1 HTTP/1.1\r\n" HOST
                          "Content-Length: 3\r\n\r\none"
                          "POST /2 HTTP/1.1\r\n" HOST
                          "Transfer-Encoding: chunked\r\n\r\n"
                          "2;x=y\r\ntw\r\n1\r\no\r\n0\r\nT: v\r\n\r\n"
                          "\r\nGET /3 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
          co_await c.receive_all();
        },
        {}, piece);
    EXPECT_EQ(run.service.served, 3);
    const std::size_t one = run.client.received.find("\r\n\r\none");
    const std::size_t two = run.client.received.find("\r\n\r\ntwo");
    EXPECT_LT(one, two);
    EXPECT_NE(two, std::string::npos);
    EXPECT_TRUE(run.client.received.ends_with("Content-Length: 0\r\nConnection: close\r\n\r\n"));
  }
}

TEST(Server, HeadHasTheLengthButNoContent) {
  const Session run(hello, [](Client& c, Server&, SimulatedLoop&) -> Task<void> {
    co_await say(c, "HEAD / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    co_await c.receive_all();
  });
  EXPECT_NE(run.client.received.find("Content-Length: 10\r\n"), std::string::npos);
  EXPECT_TRUE(run.client.received.ends_with("\r\n\r\n"));
}

TEST(Server, StreamsInChunksCountedOrUntilTheEndForHttp10) {
  const auto answer_to = [](Script script) { return Session(stream, script).client.received; };
  const std::string chunked = answer_to([](Client& c, Server&, SimulatedLoop&) -> Task<void> {
    co_await say(c, "GET / HTTP/1.1\r\n" HOST "\r\n");
    co_await c.receive_until("0\r\n\r\n");
  });
  EXPECT_TRUE(
      chunked.ends_with("Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"));
  const std::string counted = answer_to([](Client& c, Server&, SimulatedLoop&) -> Task<void> {
    co_await say(c, "GET /counted HTTP/1.1\r\n" HOST "\r\n");
    co_await c.receive_until("abcdef");
  });
  EXPECT_TRUE(counted.ends_with("Content-Length: 6\r\n\r\nabcdef"));
  const std::string old = answer_to([](Client& c, Server&, SimulatedLoop&) -> Task<void> {
    co_await say(c, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    co_await c.receive_all();
  });
  EXPECT_TRUE(old.ends_with("Connection: close\r\n\r\nabcdef")) << old;
}

TEST(Server, KeepsAnHttp10ConnectionThatAsks) {
  const Session run(hello, [](Client& c, Server&, SimulatedLoop&) -> Task<void> {
    co_await say(c, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n");
    co_await c.receive_all();
  });
  EXPECT_EQ(count(run.client.received, "hello GET"), 2U);
  EXPECT_EQ(count(run.client.received, "Connection: keep-alive"), 1U);
  EXPECT_EQ(count(run.client.received, "Connection: close"), 1U);
}

TEST(Server, AsksForAContentThatWaitsToBeAskedFor) {
  const Session run(echo, [](Client& c, Server&, SimulatedLoop&) -> Task<void> {
    co_await say(c, "PUT / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    co_await c.receive_until("HTTP/1.1 100 Continue\r\n\r\n");
    co_await say(c, "body");
    co_await c.receive_until("\r\n\r\nbody");
    co_await say(c, "GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    co_await c.receive_all();
  });
  EXPECT_EQ(run.service.served, 2);
  EXPECT_EQ(count(run.client.received, "100 Continue"), 1U);
}

TEST(Server, ClosesAfterAnAnswerToContentThatItNeverAskedFor) {
  const Session run(ignore_body, [](Client& c, Server&, SimulatedLoop&) -> Task<void> {
    co_await say(c, "PUT / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    co_await c.receive_all();
  });
  EXPECT_EQ(count(run.client.received, "100 Continue"), 0U);
  EXPECT_EQ(count(run.client.received, "Connection: close"), 1U);
}

TEST(Server, ReadsAwayASmallContentThatNobodyRead) {
  const Session run(ignore_body, [](Client& c, Server&, SimulatedLoop&) -> Task<void> {
    co_await say(c, "PUT /1 HTTP/1.1\r\n" HOST
                    "Content-Length: 5\r\n\r\nGET /"
                    "GET /2 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    co_await c.receive_all();
  });
  EXPECT_EQ(run.service.served, 2);
  EXPECT_EQ(count(run.client.received, "200 OK"), 2U);
}

TEST(Server, ClosesRatherThanReadAwayALargeContent) {
  const Session run(ignore_body, [](Client& c, Server&, SimulatedLoop&) -> Task<void> {
    co_await say(c, "PUT /1 HTTP/1.1\r\n" HOST "Content-Length: 99999999\r\n\r\nabc");
    co_await c.receive_all();
  });
  EXPECT_EQ(count(run.client.received, "200 OK"), 1U);
  EXPECT_EQ(count(run.client.received, "Connection: close"), 1U);
}

TEST(Server, SaysWhyARequestIsRefusedAndCloses) {
  const Session run(hello, [](Client& c, Server&, SimulatedLoop&) -> Task<void> {
    co_await say(c, "GET / HTTP/1.1\r\n" HOST
                    "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "0\r\n\r\nGET /smuggled HTTP/1.1\r\n" HOST "\r\n");
    co_await c.receive_all();
  });
  EXPECT_EQ(run.service.served, 0);
  EXPECT_TRUE(run.client.received.starts_with("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_NE(run.client.received.find("both Transfer-Encoding and Content-Length"),
            std::string::npos);
  EXPECT_NE(run.client.received.find(R"("title":"CF-BadRequest")"), std::string::npos);
  EXPECT_NE(run.client.received.find("Connection: close"), std::string::npos);
}

TEST(Server, TurnsAnErrorIntoCloudFoundrysJson) {
  const Session run(fail, [](Client& c, Server&, SimulatedLoop&) -> Task<void> {
    co_await say(c, "GET /missing HTTP/1.1\r\n" HOST "\r\n");
    co_await c.receive_until("}]}");
    co_await say(
        c, "GET /burns HTTP/1.1\r\n" HOST "X-Vcap-Request-Id: r1\r\nConnection: close\r\n\r\n");
    co_await c.receive_all();
  });
  EXPECT_NE(run.client.received.find("HTTP/1.1 404 Not Found\r\n"), std::string::npos);
  EXPECT_NE(
      run.client.received.find(
          R"({"errors":[{"code":10010,"title":"CF-ResourceNotFound","detail":"App not found"}]})"),
      std::string::npos);
  EXPECT_NE(run.client.received.find("HTTP/1.1 500 "), std::string::npos);
  EXPECT_NE(run.client.received.find("request id r1"), std::string::npos);
  EXPECT_EQ(run.client.received.find("disk on fire"), std::string::npos);
}

TEST(Server, NoHeaderOfAServiceCanBreakTheFraming) {
  const Session run(
      [](Request&, Response& response) -> Task<void> {
        co_await response.send(200,
                               {{"Location", "/a\r\nSet-Cookie: x"},
                                {"Content-Length", "99"},
                                {"Bad name", "x"},
                                {"Transfer-Encoding", "chunked"}},
                               "ok");
      },
      [](Client& c, Server&, SimulatedLoop&) -> Task<void> {
        co_await say(c, "GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
        co_await c.receive_all();
      });
  EXPECT_NE(run.client.received.find("Location: /a  Set-Cookie: x\r\n"), std::string::npos);
  EXPECT_EQ(count(run.client.received, "Content-Length"), 1U);
  EXPECT_EQ(count(run.client.received, "Transfer-Encoding"), 0U);
  EXPECT_EQ(count(run.client.received, "Bad name"), 0U);
}

TEST(Server, ASlowHeadIsRefusedAtItsDeadlineNotLater) {
  const Session run(hello, [](Client& c, Server&, SimulatedLoop& loop) -> Task<void> {
    const Time start = loop.now();
    co_await say(c, "GET / HTTP/1.1\r\n");
    async::TaskGroup group(loop);
    group.spawn(c.receive_all());
    for (int i = 0; i < 100 && !c.ended; ++i) {
      co_await pass(1s);
      if (!c.received.empty()) break;
      co_await say(c, "A: b\r\n");
    }
    EXPECT_LE(loop.now() - start, limits::kHeadDeadline + 1s);
    co_await group.join();
  });
  EXPECT_TRUE(run.client.received.starts_with("HTTP/1.1 408 Request Timeout\r\n"));
}

TEST(Server, ASilentConnectionEndsAtTheIdleDeadlineWithoutAWord) {
  const Session run(hello, [](Client& c, Server&, SimulatedLoop& loop) -> Task<void> {
    co_await c.receive_all();
    EXPECT_EQ(loop.now(), Time{} + limits::kIdleDeadline);
  });
  EXPECT_EQ(run.client.received, "");
}

TEST(Server, AContentThatStallsEndsTheConnection) {
  const Session run(
      [](Request& request, Response& response) -> Task<void> {
        auto body = co_await read_all(*request.body, 100);
        EXPECT_FALSE(body);
        EXPECT_EQ(body.error(), IoError::timed_out);
        co_await response.send(408, {}, "too slow");
      },
      [](Client& c, Server&, SimulatedLoop& loop) -> Task<void> {
        co_await say(c, "PUT / HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc");
        co_await c.receive_until("too slow");
        EXPECT_EQ(loop.now(), Time{} + limits::kBodyIdleDeadline);
        co_await c.receive_all();
      });
  EXPECT_NE(run.client.received.find("408"), std::string::npos);
}

TEST(Server, AClientThatNeverReadsIsCutAtTheWriteDeadline) {
  const Session run(
      [](Request&, Response& response) -> Task<void> {
        auto sent = co_await response.send(200, {}, std::string(1 << 20, 'x'));
        EXPECT_FALSE(sent);
        EXPECT_EQ(sent.error(), IoError::timed_out);
      },
      [](Client& c, Server& server, SimulatedLoop&) -> Task<void> {
        co_await say(c, "GET / HTTP/1.1\r\n" HOST "\r\n");
        while (server.connections() == 0) co_await pass(1s);
        while (server.connections() > 0) co_await pass(1s);
      });
}

TEST(Server, AClientGoneInTheMiddleIsAnErrorToTheService) {
  const Session run(
      [](Request&, Response& response) -> Task<void> {
        co_await response.head(200, {});
        IoResult<void> sent;
        while ((sent = co_await response.write(std::string(1000, 'x')))) {
        }
        EXPECT_EQ(sent.error(), IoError::reset);
        EXPECT_FALSE(co_await response.finish());
      },
      [](Client& c, Server&, SimulatedLoop&) -> Task<void> {
        co_await say(c, "GET / HTTP/1.1\r\n" HOST "\r\n");
        co_await c.receive_until("xxx");
      });
}

TEST(Server, AnAnswerCutShortIsNotPassedOffAsComplete) {
  const Session run(
      [](Request& request, Response& response) -> Task<void> {
        co_await response.head(200, {},
                               request.path == "/counted" ? std::optional(10) : std::nullopt);
        co_await response.write("abc");
        throw Error(Code::unavailable, "the disk went away");
      },
      [](Client& c, Server&, SimulatedLoop&) -> Task<void> {
        co_await say(c, "GET / HTTP/1.1\r\n" HOST "\r\n");
        co_await c.receive_all();
      });
  EXPECT_TRUE(run.client.received.ends_with("3\r\nabc\r\n"));
}

TEST(Server, DrainingFinishesWhatBeganAndClosesWhatIsIdle) {
  const Session busy(
      [](Request&, Response& response) -> Task<void> {
        co_await pass(5s);
        co_await response.send(200, {}, "done");
      },
      [](Client& c, Server& server, SimulatedLoop&) -> Task<void> {
        co_await say(c, "GET / HTTP/1.1\r\n" HOST "\r\n");
        co_await pass(1s);
        server.drain();
        co_await c.receive_all();
      });
  EXPECT_TRUE(busy.client.received.ends_with("Connection: close\r\n\r\ndone"));
  const Session idle(hello, [](Client& c, Server& server, SimulatedLoop& loop) -> Task<void> {
    co_await pass(1s);
    server.drain();
    co_await c.receive_all();
    EXPECT_EQ(loop.now(), Time{} + 1s);
  });
}

TEST(Server, AHalfClosedClientStillGetsItsAnswer) {
  const Session run(echo, [](Client& c, Server&, SimulatedLoop&) -> Task<void> {
    co_await say(c, "PUT / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc");
    c.stream->shutdown_send();
    co_await c.receive_all();
  });
  EXPECT_TRUE(run.client.received.ends_with("\r\n\r\nabc"));
}

TEST(Server, AContentCutShortIsAnErrorToTheService) {
  const Session run(
      [](Request& request, Response&) -> Task<void> {
        auto body = co_await read_all(*request.body, 100);
        EXPECT_FALSE(body);
        EXPECT_EQ(body.error(), IoError::end);
        throw error_of(body.error(), "read the upload");
      },
      [](Client& c, Server&, SimulatedLoop&) -> Task<void> {
        co_await say(c, "PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nabc");
        c.stream->shutdown_send();
        co_await c.receive_all();
      });
}

}  // namespace
}  // namespace nuri::http
