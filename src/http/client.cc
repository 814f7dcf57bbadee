#include "http/client.h"

#include <netdb.h>

#include "async/deadline.h"
#include "http/exchange.h"
#include "http/head_rules.h"
#include "net/tls_stream.h"

namespace nuri::http {
namespace {

std::vector<net::Address> resolve(const Url& url) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  std::vector<net::Address> out;
  if (::getaddrinfo(url.host.c_str(), nullptr, &hints, &found) != 0) return out;
  for (const addrinfo* one = found; one; one = one->ai_next)
    out.push_back(net::Address::from(one->ai_addr, one->ai_addrlen).with_port(url.port));
  ::freeaddrinfo(found);
  return out;
}

IoError io_error_of(const Error& error) {
  switch (error.code()) {
    case Code::timeout:
      return IoError::timed_out;
    case Code::cancelled:
      return IoError::cancelled;
    default:
      return IoError::no_resources;
  }
}

}  // namespace

Task<IoResult<std::vector<net::Address>>> SocketDialer::addresses_of(Url url) {
  const bool v6 = url.host.find(':') != url.host.npos;
  const std::string literal =
      (v6 ? "[" + url.host + "]:" : url.host + ":") + std::to_string(url.port);
  if (const auto address = net::Address::parse(literal)) co_return std::vector{*address};
  if (url.host == "localhost" || url.host.ends_with(".localhost"))
    co_return std::vector{net::Address::loopback(url.port)};
  if (!names_) co_return std::unexpected(IoError::unreachable);
  try {
    auto found = co_await names_->run([url] { return resolve(url); });
    if (found.empty()) co_return std::unexpected(IoError::unreachable);
    co_return std::move(found);
  } catch (const Error& error) {
    co_return std::unexpected(io_error_of(error));
  }
}

Task<IoResult<std::unique_ptr<net::Stream>>> SocketDialer::dial(const Url& url,
                                                                const net::Address& via,
                                                                std::string& why) {
  if (url.tls && !tls_) {
    why = "https is not set up here";
    co_return std::unexpected(IoError::other);
  }
  std::vector<net::Address> addresses{via};
  if (via.empty()) {
    auto found = co_await addresses_of(url);
    if (!found) {
      if (names_ && found.error() == IoError::unreachable)
        why = url.host + " has no address in the DNS";
      co_return std::unexpected(found.error());
    }
    addresses = std::move(*found);
  }
  IoError last = IoError::unreachable;
  for (const net::Address& address : addresses) {
    auto stream = co_await net::connect(loop_, address);
    if (stream && url.tls) co_return co_await secure(std::move(*stream), url, why);
    if (stream) co_return std::unique_ptr<net::Stream>(std::move(*stream));
    last = stream.error();
    if (last == IoError::timed_out || last == IoError::cancelled) break;
  }
  co_return std::unexpected(last);
}

Task<IoResult<std::unique_ptr<net::Stream>>> SocketDialer::secure(
    std::unique_ptr<net::Stream> plain, const Url& url, std::string& why) {
  auto stream = std::make_unique<net::TlsStream>(std::move(plain), tls_->connect(url.host));
  const auto done = co_await stream->handshake();
  if (done) co_return std::move(stream);
  why = stream->session().failure();
  co_return std::unexpected(done.error());
}

Client::Client(async::Loop& loop, Dialer& dialer)
    : loop_(loop), dialer_(dialer), kept_(std::make_shared<Kept>(loop)) {}
Client::~Client() = default;

void Client::close_kept() { kept_->clear(); }
std::size_t Client::kept() const { return kept_->size(); }

Task<IoResult<std::unique_ptr<Client::Exchange>>> Client::open(const ClientRequest& request,
                                                               const Url& url, bool fresh) {
  std::string key = url.origin() + " " + request.via.str();
  if (!fresh)
    if (auto stream = kept_->take(key))
      co_return std::make_unique<Exchange>(std::move(stream), true, std::move(key), kept_);
  std::string why;
  auto stream =
      co_await async::within(request.connect_deadline, dialer_.dial(url, request.via, why));
  if (!stream) {
    if (request.why) *request.why = std::move(why);
    co_return std::unexpected(stream.error());
  }
  co_return std::make_unique<Exchange>(std::move(*stream), false, std::move(key), kept_);
}

Task<IoResult<ClientResponse>> Client::request(ClientRequest request) {
  const auto url = Url::parse(request.url);
  if (!url || !is_token(request.method)) co_return std::unexpected(IoError::malformed);
  for (const bool fresh : {false, true}) {
    auto exchange = co_await open(request, *url, fresh);
    if (!exchange) co_return std::unexpected(exchange.error());
    ClientResponse response;
    const auto done = co_await (*exchange)->run(request, *url, head_space_, response);
    if (done) {
      response.body = std::move(*exchange);
      co_return std::move(response);
    }
    const bool broken = done.error() == IoError::reset || done.error() == IoError::end;
    if (fresh || !broken || !(*exchange)->repeatable(request))
      co_return std::unexpected(done.error());
  }
  co_return std::unexpected(IoError::other);
}

}  // namespace nuri::http
