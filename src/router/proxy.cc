#include "router/proxy.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <array>

#include "async/task_group.h"
#include "base/encoding.h"
#include "net/address.h"
#include "router/request_head.h"

namespace nuri::router {
namespace {

constexpr std::size_t kMostAttempts = 3;
constexpr std::size_t kSmallBody = 8 * limits::kKiB;  // goes out with the head

std::string client_address(int socket) {
  sockaddr_storage storage{};
  socklen_t bytes = sizeof storage;
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&storage), &bytes) != 0) return "unknown";
  return net::Address::from(reinterpret_cast<const sockaddr*>(&storage), bytes).host();
}

bool is_safe(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE";
}

Task<IoResult<void>> send(Wire& to, std::string bytes) {
  co_return co_await to.socket().send(bytes);
}

Task<void> upload(Wire& client, Wire& server, http::Framing framing, Duration idle,
                  RelayResult& result) {
  result = co_await relay_body(client, server, framing, Relay::as_it_is, {}, idle);
  // Without the rest of its request the instance would wait in vain.
  if (!result.outcome) ::shutdown(server.socket().native(), SHUT_RDWR);
}

}  // namespace

// One request on its way. Texts are copies: the client's buffer is given back while the instance
// works.
struct Proxy::Exchange {
  Time began;
  std::string method, host, target, referer, user_agent, accept, client, request_id;
  http::Version version = http::Version::http11;
  bool keep_alive = true;
  bool upgrade = false;
  bool expect_continue = false;
  http::Framing framing;
  std::string head;            // as sent to the instance
  std::string early_body;      // what came with the head, framing and all, if that is all of it
  bool body_complete = false;  // early_body is the whole body
  bool upload_begun = false;   // it is streamed instead
  RelayResult uploaded{std::unexpected(IoError::cancelled), true, 0};  // until it is through
  std::shared_ptr<Route> route;
  std::vector<const Upstream*> tried;
  std::shared_ptr<Upstream> upstream;

  int status = 0;
  std::uint64_t received = 0, sent = 0;
  std::string error;
  // What must be told if no attempt succeeds.
  int failure_status = 502;
  std::string failure_error, failure_message;

  bool repeatable() const { return is_safe(method) && body_complete; }
  Access access(Time now) const {
    Access a;
    a.host = host;
    a.method = method;
    a.target = target;
    a.version = version == http::Version::http11 ? "HTTP/1.1" : "HTTP/1.0";
    a.referer = referer;
    a.user_agent = user_agent;
    a.client = client;
    a.request_id = request_id;
    a.status = status;
    a.received_bytes = received;
    a.sent_bytes = sent;
    a.took = now - began;
    a.error = error;
    if (upstream) {
      a.upstream = upstream->spec().id;
      a.index = upstream->spec().index;
    }
    return a;
  }
};

std::string Proxy::make_request_id() {
  std::array<unsigned char, 16> bytes;
  random_.fill(bytes);
  return hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

Task<void> Proxy::serve(Fd fd) {
  const int one = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  const std::string address = client_address(fd.get());
  Wire client(async::Descriptor(loop_, std::move(fd)));
  for (bool more = true; more && !draining_;) {
    auto head = co_await client.head(http::HeadParser::Kind::request, head_space_, deadlines_.idle,
                                     deadlines_.head);
    if (head.outcome == Wire::Head::Outcome::complete) {
      more = co_await serve_one(client, head.view, address);
      continue;
    }
    more = false;
    const bool late = head.outcome == Wire::Head::Outcome::failed &&
                      head.error == IoError::timed_out && head.began;
    if (head.outcome != Wire::Head::Outcome::refused && !late) continue;
    const int status = late ? 408 : head.refusal.status;
    const std::string_view why = late ? "the request's head took too long" : head.refusal.reason;
    (void)co_await async::within(
        deadlines_.body_idle,
        send(client, own_answer(status, late ? "request_timeout" : "bad_request", why, {},
                                make_request_id(), true, false)));
  }
}

Task<bool> Proxy::serve_one(Wire& client, const http::HeadView& head, const std::string& address) {
  Exchange x;
  x.began = loop_.now();
  x.client = address;
  x.request_id = make_request_id();
  x.method = head.method;
  x.host = host_of(head.authority);
  x.target = head.target;
  x.referer = head.find("Referer").value_or("");
  x.user_agent = head.find("User-Agent").value_or("");
  x.accept = head.find("Accept").value_or("");
  x.version = head.version;
  x.keep_alive = head.keep_alive;
  x.upgrade = head.upgrade;
  x.expect_continue = head.expect_continue;
  x.framing = http::framing_of_request(head);
  x.route = table_.find(x.host, head.path_query);
  x.head = request_head(head, {address, "http", x.request_id});
  client.consume(head.bytes);
  const bool more = co_await forward(client, x);
  if (x.route) log_.write(x.route->app, x.access(loop_.now()), loop_.wall(), loop_.now());
  co_return more&& x.keep_alive && !draining_;
}

// Sends an answer of the router's own. What is left of the request's body makes the connection
// unusable.
Task<bool> Proxy::refuse(Wire& client, Exchange& x, int status, std::string error,
                         std::string message) {
  const bool close = !x.keep_alive || !x.body_complete;
  x.status = status;
  x.error = error;
  auto sent = co_await async::within(
      deadlines_.body_idle, send(client, own_answer(status, error, message, x.accept, x.request_id,
                                                    close, x.method == "HEAD")));
  co_return sent && !close;
}

Task<bool> Proxy::forward(Wire& client, Exchange& x) {
  // A body that came whole with its head is sent with it, and can be sent again.
  if (x.framing.kind == http::Framing::Kind::none) {
    x.body_complete = true;
  } else if (x.framing.kind == http::Framing::Kind::length && x.framing.length <= kSmallBody &&
             client.here().size() >= x.framing.length) {
    x.early_body = client.here().substr(0, x.framing.length);
    client.consume(x.framing.length);
    x.received = x.framing.length;
    x.body_complete = true;
  }
  client.keep();
  if (!x.route)
    co_return co_await refuse(
        client, x, 404, "unknown_route",
        fmt::format("No app is served under '{}'. Check the name, or map the route: "
                    "nuri routes",
                    x.host));
  x.failure_status = 503;
  x.failure_error = "no_instances";
  x.failure_message = "The app has no instance that could answer. See: nuri app NAME";
  for (std::size_t n = 0; n < kMostAttempts; ++n) {
    x.upstream = x.route->pick(x.tried, loop_.now());
    if (!x.upstream) break;
    x.tried.push_back(x.upstream.get());
    x.upstream->begin();
    const Attempt attempt_result = co_await attempt(client, x, *x.upstream);
    x.upstream->end();
    if (attempt_result == Attempt::answered) co_return true;
    if (attempt_result == Attempt::ended) co_return false;
  }
  co_return co_await refuse(client, x, x.failure_status, x.failure_error, x.failure_message);
}

Task<Proxy::Attempt> Proxy::attempt(Wire& client, Exchange& x, Upstream& upstream) {
  auto connect = [](Upstream& to, bool fresh) -> Task<IoResult<Upstream::Lease>> {
    co_return co_await to.connect(fresh);
  };
  // A kept connection may have been closed in the meantime: then once more on a new one to the same
  // instance.
  for (bool fresh = false;; fresh = true) {
    auto lease = co_await async::within(deadlines_.connect, connect(upstream, fresh));
    if (!lease) {
      upstream.failed(loop_.now());
      x.failure_status = 502;
      x.failure_error = "connection_failed";
      x.failure_message = fmt::format("The app's instance {} cannot be connected to: {}.",
                                      upstream.spec().index, describe(lease.error()));
      co_return Attempt::again;
    }
    const bool kept = lease->kept;
    Wire server(std::move(lease->socket));
    const Attempt result = co_await exchange_over(client, server, x, upstream, kept);
    if (result != Attempt::again || !kept) co_return result;
  }
}

Task<Proxy::Attempt> Proxy::exchange_over(Wire& client, Wire& server, Exchange& x,
                                          Upstream& upstream, bool kept) {
  auto sent = co_await async::within(deadlines_.body_idle, send(server, x.head + x.early_body));
  async::TaskGroup group(co_await async::current_scope());
  if (sent && !x.body_complete) {
    x.upload_begun = true;
    group.spawn(upload(client, server, x.framing, deadlines_.body_idle, x.uploaded));
  }
  Wire::Head answer;
  if (sent)
    answer = co_await server.head(http::HeadParser::Kind::response, head_space_, deadlines_.answer,
                                  deadlines_.head);
  // Interim answers are the client's (RFC 9110 section 15.2); 101 is final.
  while (answer.outcome == Wire::Head::Outcome::complete && answer.view.status < 200 &&
         answer.view.status != 101) {
    std::string interim;
    if (x.version == http::Version::http11) interim = answer_head(answer.view, {}, x.request_id);
    server.consume(answer.view.bytes);
    server.keep();
    if (!interim.empty())
      (void)co_await async::within(deadlines_.body_idle, send(client, std::move(interim)));
    answer = co_await server.head(http::HeadParser::Kind::response, head_space_, deadlines_.answer,
                                  deadlines_.head);
  }
  Attempt result = Attempt::again;
  if (answer.outcome == Wire::Head::Outcome::complete) {
    result = co_await pass_back(client, server, x, upstream, answer);
  } else {
    const bool late = answer.error == IoError::timed_out;
    x.failure_status = late ? 504 : 502;
    x.failure_error = late ? "answer_timeout" : "bad_answer";
    x.failure_message =
        answer.outcome == Wire::Head::Outcome::refused
            ? fmt::format("The app's answer breaks the protocol: {}.", answer.refusal.reason)
            : fmt::format("The app's instance {} did not answer: {}.", upstream.spec().index,
                          late ? "it took too long" : "it closed the connection");
    if (!kept || answer.began) upstream.failed(loop_.now());
  }
  group.cancel();
  co_await group.join();
  if (x.upload_begun) x.received = x.uploaded.bytes;
  if (result == Attempt::again && (!x.repeatable() || answer.began)) {
    const bool more =
        co_await refuse(client, x, x.failure_status, x.failure_error, x.failure_message);
    result = more ? Attempt::answered : Attempt::ended;
  }
  co_return result;
}

Task<Proxy::Attempt> Proxy::pass_back(Wire& client, Wire& server, Exchange& x, Upstream& upstream,
                                      Wire::Head& answer) {
  const http::HeadView& head = answer.view;
  x.status = head.status;
  const bool tunnel = head.status == 101 && x.upgrade;
  const http::Framing framing = http::framing_of_response(head, x.method);
  const bool unframe =
      framing.kind == http::Framing::Kind::chunked && x.version == http::Version::http10;
  const bool until_close = framing.kind == http::Framing::Kind::until_close || unframe;
  const bool close = until_close || !x.keep_alive || draining_;
  const bool server_keeps = head.keep_alive;
  std::string text = answer_head(head, {close && !tunnel, unframe}, x.request_id);
  server.consume(head.bytes);
  upstream.succeeded();
  if (tunnel) {
    if (!co_await async::within(deadlines_.body_idle, send(client, std::move(text))))
      co_return Attempt::ended;
    co_await relay_all(client, server, deadlines_.answer);
    co_return Attempt::ended;
  }
  auto relayed =
      co_await relay_body(server, client, framing, unframe ? Relay::data_only : Relay::as_it_is,
                          std::move(text), deadlines_.body_idle);
  x.sent = relayed.bytes;
  if (!relayed.outcome) {
    if (relayed.from_failed) x.error = "answer_cut_short";
    co_return Attempt::ended;
  }
  // An answer before the end of the request leaves both sides in the middle of its body.
  if (!x.body_complete && !x.uploaded.outcome) co_return Attempt::ended;
  if (server_keeps && framing.kind != http::Framing::Kind::until_close && server.here().empty())
    upstream.keep(server.take_socket());
  co_return close ? Attempt::ended : Attempt::answered;
}

}  // namespace nuri::router
