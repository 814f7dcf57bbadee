#include "router/proxy.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <array>

#include "async/deadline.h"
#include "base/encoding.h"
#include "net/address.h"
#include "router/request_head.h"

namespace nuri::router {
namespace {

constexpr Duration kFirstRequestGrace = 1s;  // for a connection that was accepted just before

std::string client_address(int socket) {
  sockaddr_storage storage{};
  socklen_t bytes = sizeof storage;
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&storage), &bytes) != 0) return "unknown";
  return net::Address::from(reinterpret_cast<const sockaddr*>(&storage), bytes).host();
}

bool bytes_wait(int socket) {
  char byte;
  return ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

// Closing with bytes unread would reset the connection and may destroy the answer on its way (RFC
// 9112 section 9.6).
Task<IoResult<void>> read_away(Wire& client) {
  ::shutdown(client.socket().native(), SHUT_WR);
  for (;;) {
    client.consume(client.here().size());
    if (auto more = co_await client.receive(limits::kLingerDeadline); !more) co_return more;
    if (client.here().empty()) co_return IoResult<void>{};
  }
}

void reset(int socket) {
  const linger now{1, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

}  // namespace

void Proxy::drain() {
  ground_.draining = true;
  between_.cancel();
}

std::string Proxy::make_request_id() {
  std::array<unsigned char, 16> bytes;
  random_.fill(bytes);
  return hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

// False: there will be no request, the connection is over.
Task<bool> Proxy::request_begins(Wire& client, First first) {
  if (!client.here().empty()) co_return true;
  if (!ground_.draining) {
    const auto more = co_await client.receive(ground_.deadlines.idle).in(between_);
    if (more || !ground_.draining) co_return more && !client.here().empty();
  }
  // What the client had sent already is served.
  if (first == First::no && !bytes_wait(client.socket().native())) co_return false;
  co_return co_await client.receive(kFirstRequestGrace) && !client.here().empty();
}

Task<void> Proxy::serve(Fd fd) {
  const int one = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  const std::string address = client_address(fd.get());
  Wire client(async::Descriptor(ground_.loop, std::move(fd)));
  After after = After::next;
  for (First first = First::yes; after == After::next; first = First::no) {
    if (!co_await request_begins(client, first)) break;
    auto head = co_await client.head(http::HeadParser::Kind::request, ground_.head_space,
                                     ground_.deadlines.head, ground_.deadlines.head);
    after = head.outcome == Wire::Head::Outcome::complete
                ? co_await serve_one(client, head.view, address)
                : co_await refuse_head(client, head);
    if (ground_.draining && after == After::next) after = After::close;
  }
  if (after == After::abort) reset(client.socket().native());
  if (after == After::linger || (after == After::close && bytes_wait(client.socket().native())))
    (void)co_await async::within(limits::kLingerDeadline, read_away(client));
}

Task<After> Proxy::refuse_head(Wire& client, const Wire::Head& head) {
  const bool late = head.outcome == Wire::Head::Outcome::failed && head.error == IoError::timed_out;
  if (head.outcome != Wire::Head::Outcome::refused && !late) co_return After::close;
  const std::string id = make_request_id();
  const std::string text = own_answer(
      {.status = late ? 408 : head.refusal.status,
       .error = late ? "request_timeout" : "bad_request",
       .message = late ? std::string_view("the request's head took too long") : head.refusal.reason,
       .request_id = id,
       .close = true});
  (void)co_await client.send(text, {}, ground_.deadlines.body_idle);
  co_return After::linger;
}

Task<After> Proxy::serve_one(Wire& client, const http::HeadView& head, const std::string& address) {
  const Request request(head, client.here(), address, make_request_id());
  client.consume(head.bytes);
  Exchange exchange(ground_, client, request);
  const After after = co_await exchange.run();
  exchange.count();
  if (!exchange.app().empty())
    log_.write(exchange.app(), exchange.access(), ground_.loop.wall(), ground_.loop.now());
  co_return after;
}

}  // namespace nuri::router
