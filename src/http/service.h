#pragma once

// Service: the one interface of everything that answers HTTP in Nuri: the API, the registry,
// metrics, the proxy's admin side. Middleware is a Service that holds another; a test calls serve()
// without a socket.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "async/task.h"
#include "http/message.h"

namespace nuri::net {
class Stream;
}

namespace nuri::http {

// Where a service puts its answer: either send() once, or head(), write()…, finish(). An error
// result means that the client is gone: stop.
class Response {
 public:
  virtual ~Response() = default;

  // Head and body in one write. The server adds Content-Length, Date and Connection.
  virtual Task<IoResult<void>> send(int status, Headers headers, std::string body) = 0;

  // A streamed answer: with `length` exactly that many bytes must follow; without, chunked.
  virtual Task<IoResult<void>> head(int status, Headers headers,
                                    std::optional<std::uint64_t> length = std::nullopt) = 0;
  virtual Task<IoResult<void>> write(std::string_view bytes) = 0;
  virtual Task<IoResult<void>> finish() = 0;

  // True once send() or head() was called.
  virtual bool started() const = 0;
};

class Service {
 public:
  virtual ~Service() = default;
  // Answers `request`. Both outlive the task. What it throws is answered as its code's status with
  // a JSON error, or, after head(), by closing the connection. A body that was not read is drained
  // or the connection closed, by the server.
  virtual Task<void> serve(Request& request, Response& response) = 0;
};

}  // namespace nuri::http
