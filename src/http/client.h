#pragma once

// Client: HTTP/1.1 requests over connections that are kept and used again (RFC 9112). Content
// streams both ways. One loop's thread. For TLS, names and everything else that lies between an
// origin and a stream there is the Dialer.

#include <memory>
#include <string>

#include "async/blocking_pool.h"
#include "async/loop.h"
#include "base/limits.h"
#include "http/message.h"
#include "http/or_throw.h"
#include "http/parser.h"
#include "http/url.h"
#include "net/stream.h"
#include "net/tls_client.h"

namespace nuri::http {

class Dialer {
 public:
  virtual ~Dialer() = default;
  // A new connection for requests to `url`, through `via` if that is not empty. On failure `why`
  // may get a text that says more than the IoError; the arguments live until the result.
  virtual Task<IoResult<std::unique_ptr<net::Stream>>> dial(const Url& url, const net::Address& via,
                                                            std::string& why) = 0;
};

// Sockets. Knows literal addresses and localhost with all below it (RFC 6761 section 6.3:
// 127.0.0.1); other names only with a pool to ask the resolver on. https goes over `tls` (its
// verification cannot be turned off); without it is IoError::other.
class SocketDialer final : public Dialer {
 public:
  // All outlive the dialer, `tls` its connections' handshakes.
  explicit SocketDialer(async::Loop& loop, async::BlockingPool* names = nullptr,
                        net::TlsClient* tls = nullptr)
      : loop_(loop), names_(names), tls_(tls) {}
  Task<IoResult<std::unique_ptr<net::Stream>>> dial(const Url& url, const net::Address& via,
                                                    std::string& why) override;

 private:
  Task<IoResult<std::vector<net::Address>>> addresses_of(Url url);
  Task<IoResult<std::unique_ptr<net::Stream>>> secure(std::unique_ptr<net::Stream> plain,
                                                      const Url& url, std::string& why);
  async::Loop& loop_;
  async::BlockingPool* names_;
  net::TlsClient* tls_;
};

struct ClientRequest {
  std::string method = "GET";
  std::string url = {};
  net::Address via =
      {};  // connect there, whatever the URL says (a path socket, an address with a name)
  Headers headers = {};  // Host, Content-Length and the like are the client's own
  std::string body = {};
  std::unique_ptr<Body> upload = {};  // instead of `body`; chunked if its length is not known
  Duration connect_deadline = limits::kConnectDeadline;
  Duration answer_deadline = limits::kAnswerDeadline;       // from the last byte sent to the head
  Duration body_idle_deadline = limits::kBodyIdleDeadline;  // for each next piece, both ways
  // Gets what the dialer has to say about a failure: "the peer's certificate is not for \"a\": it
  // is for b". Lives until the result.
  std::string* why = nullptr;
};

struct ClientResponse {
  int status = 0;
  Headers headers;
  // Never null. May outlive the client. Destroyed before its end, it closes the connection.
  std::unique_ptr<Body> body;
};

class Client {
 public:
  // Both outlive the client, and the loop its responses.
  Client(async::Loop& loop, Dialer& dialer);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // The answer's head; its content is read from `body`. An answer that comes before the upload has
  // ended stops the upload. Repeated once on a new connection if a kept
  // one turns out to be closed: where nothing was sent, or the method is idempotent, and not a byte
  // of an answer came. Errors: malformed (the URL, or what the peer sent), those of the dialer,
  // timed_out, reset, end. Throws what `upload` throws.
  Task<IoResult<ClientResponse>> request(ClientRequest request);

  // Closes connections that no request uses.
  void close_kept();
  std::size_t kept() const;

 private:
  class Kept;
  class Exchange;
  Task<IoResult<std::unique_ptr<Exchange>>> open(const ClientRequest& request, const Url& url,
                                                 bool fresh);

  async::Loop& loop_;
  Dialer& dialer_;
  std::shared_ptr<Kept> kept_;
  HeadSpace head_space_;  // used between two waits only
};

}  // namespace nuri::http
