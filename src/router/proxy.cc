#include "router/proxy.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>

#include "async/deadline.h"
#include "net/address.h"
#include "router/http2_session.h"
#include "router/request_head.h"
#include "router/tls_carrier.h"

namespace nuri::router {
namespace {

constexpr Duration kFirstRequestGrace = 1s;  // for a connection that was accepted just before

net::Address peer_of(int socket) {
  sockaddr_storage storage{};
  socklen_t bytes = sizeof storage;
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&storage), &bytes) != 0) return {};
  return net::Address::from(reinterpret_cast<const sockaddr*>(&storage), bytes);
}

void no_delay(int socket) {
  const int one = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

// Closing with bytes unread would reset the connection and may destroy the answer on its way (RFC
// 9112 section 9.6).
Task<IoResult<void>> read_away(Wire& client) {
  client.finish();
  for (;;) {
    client.consume(client.here().size());
    if (auto more = co_await client.receive(limits::kLingerDeadline); !more) co_return more;
    if (client.here().empty()) co_return IoResult<void>{};
  }
}

}  // namespace

void Proxy::drain() { ground_.draining = true; }

void Proxy::close_idle() { between_.cancel(); }

// Whether a request begins although nobody waits for any more: what the client had sent already is
// served.
Task<bool> Proxy::begins_late(Wire& client, First first) {
  if (first == First::no && !client.bytes_wait()) co_return false;
  co_return co_await client.receive(kFirstRequestGrace) && !client.here().empty();
}

Task<void> Proxy::serve(Fd fd) {
  no_delay(fd.get());
  Peer peer{.network = peer_of(fd.get())};
  Wire client(ground_.loop, {async::Descriptor(ground_.loop, std::move(fd))});
  if (co_await introduce(client, peer)) co_await converse(client, peer);
}

Task<void> Proxy::serve_tls(Fd fd, net::TlsServer& tls) {
  no_delay(fd.get());
  Peer peer{.network = peer_of(fd.get()), .secure = true};
  Wire outside(ground_.loop, {async::Descriptor(ground_.loop, std::move(fd))});
  if (!co_await introduce(outside, peer)) co_return;
  std::string received(outside.here());
  auto carrier =
      std::make_unique<TlsCarrier>(outside.take_line().socket, tls.accept(), std::move(received));
  if (!co_await async::within(ground_.deadlines.head, carrier->handshake())) co_return;
  Wire client(ground_.loop, {{}, std::move(carrier)});
  co_await converse(client, peer);
  client.finish();
}

// Who it is, as a trusted proxy says. False: the connection is over.
Task<bool> Proxy::introduce(Wire& client, Peer& peer) {
  if (ground_.front.proxy_protocol && ground_.front.trusted.hold(peer.network) &&
      !co_await take_preamble(client, peer.network))
    co_return false;
  peer.address = peer.network.empty() ? "unknown" : peer.network.host();
  co_return true;
}

Task<void> Proxy::converse(Wire& client, const Peer& peer) {
  After after = After::next;
  Duration idle = ground_.deadlines.idle;
  for (First first = First::yes; after == After::next; first = First::no) {
    if (client.here().empty()) {
      const auto more = co_await client.receive(idle).in(between_);
      if (more ? client.here().empty()
               : !between_.cancelled() || !co_await begins_late(client, first))
        break;
    }
    if (first == First::yes) {
      const auto http2 = co_await speaks_http2(client);
      if (http2 && *http2) co_return co_await serve_http2(client, peer);
      if (!http2) {
        Wire::Head head;
        head.error = http2.error();
        after = co_await refuse_head(client, head);
        break;
      }
    }
    auto reader = request_reader(client);
    while (!reader.done()) reader.note(co_await client.receive(reader.patience()));
    after = co_await answer(client, reader.head(), peer, idle);
  }
  if (after == After::abort) client.break_off();
  if (after == After::linger || (after == After::close && client.bytes_wait()))
    (void)co_await async::within(limits::kLingerDeadline, read_away(client));
}

// Whether it begins as HTTP/2 does (RFC 9113 section 3.3, 3.4), inside TLS or not.
Task<IoResult<bool>> Proxy::speaks_http2(Wire& client) {
  const Time deadline = ground_.loop.now() + ground_.deadlines.head;
  for (;;) {
    const auto begin = client.here().substr(0, Http2Session::kPreface.size());
    if (!Http2Session::kPreface.starts_with(begin)) co_return false;
    if (begin.size() == Http2Session::kPreface.size()) co_return true;
    const std::size_t before = begin.size();
    const Duration rest = std::max<Duration>(deadline - ground_.loop.now(), Duration(0));
    if (auto more = co_await client.receive(rest); !more) co_return std::unexpected(more.error());
    if (client.here().size() == before) co_return std::unexpected(IoError::end);
  }
}

Task<void> Proxy::serve_http2(Wire& client, const Peer& peer) {
  Peer who = peer;
  who.protocol = "HTTP/2";
  const auto serve = [this, &who](Wire& stream) { return serve_stream(stream, who); };
  Http2Session session(ground_.loop, ground_.passage, client, serve,
                       {.idle = ground_.deadlines.idle, .send = ground_.deadlines.body_idle});
  co_await session.run(between_);
  (void)co_await async::within(limits::kLingerDeadline, read_away(client));
}

Task<void> Proxy::serve_stream(Wire& stream, const Peer& peer) {
  Duration idle;  // the connection's is the session's
  auto reader = request_reader(stream);
  while (!reader.done()) reader.note(co_await stream.receive(reader.patience()));
  if (co_await answer(stream, reader.head(), peer, idle) == After::abort) stream.break_off();
}

Wire::HeadReader Proxy::request_reader(Wire& client) {
  const Duration patience = ground_.deadlines.head;
  return {client, http::HeadParser::Kind::request, ground_.head_space, patience, patience};
}

Task<After> Proxy::answer(Wire& client, const Wire::Head& head, const Peer& peer, Duration& idle) {
  return head.outcome == Wire::Head::Outcome::complete ? serve_one(client, *head.view, peer, idle)
                                                       : refuse_head(client, head);
}

Task<After> Proxy::refuse_head(Wire& client, const Wire::Head& head) {
  const bool late = head.outcome == Wire::Head::Outcome::failed && head.error == IoError::timed_out;
  if (head.outcome != Wire::Head::Outcome::refused && !late) co_return After::close;
  const RequestId id(random_);
  const std::string text = own_answer(
      {.status = late ? 408 : head.refusal.status,
       .error = late ? "request_timeout" : "bad_request",
       .message = late ? std::string_view("the request's head took too long") : head.refusal.reason,
       .request_id = id.text(),
       .close = true});
  (void)co_await client.send(text, {}, ground_.deadlines.body_idle);
  co_return After::linger;
}

Task<After> Proxy::serve_one(Wire& client, const http::HeadView& head, const Peer& peer,
                             Duration& idle) {
  const Request request(
      head, client.here(), peer,
      origin_of(head, peer.address, peer.secure ? "https" : "http", ground_.front),
      RequestId(random_));
  client.consume(head.bytes);
  Exchange exchange(ground_, client, request);
  const After after = co_await exchange.run();
  note(exchange);
  idle = exchange.idle();
  co_return after;
}

// For what is counted and logged, once it is over.
void Proxy::note(Exchange& exchange) {
  exchange.count();
  if (!exchange.app().empty())
    log_.write(exchange.app(), exchange.access(), ground_.loop.wall(), ground_.loop.now());
}

}  // namespace nuri::router
