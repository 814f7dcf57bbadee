#pragma once

// The Response that a Server hands to its Service: writes to the connection.

#include "http/service.h"
#include "net/stream.h"

namespace nuri::http {

// Asked when a head is written: whether another request may follow on the connection.
class Keeper {
 public:
  virtual bool may_keep() const = 0;

 protected:
  ~Keeper() = default;
};

class ConnectionResponse final : public Response {
 public:
  struct Terms {
    bool head_request = false;  // no content follows, whatever the service writes
    bool http10 = false;        // no chunks: the end of the connection ends the content
    bool keep_alive = false;
    std::string_view request_id;  // until the head is written
    const Clock* clock = nullptr;
    const Keeper* keeper = nullptr;
    Duration write_deadline{};  // for each limits::kWriteBytes
  };
  ConnectionResponse(net::Stream& stream, Terms terms) : stream_(stream), terms_(terms) {}

  Task<IoResult<void>> send(int status, Headers headers, std::string body) override;
  Task<IoResult<void>> head(int status, Headers headers,
                            std::optional<std::uint64_t> length) override;
  Task<IoResult<void>> write(std::string_view bytes) override;
  Task<IoResult<void>> finish() override;
  bool started() const override { return state_ != State::fresh; }

  // For the connection: the answer is complete and the next request may follow.
  bool reusable() const { return state_ == State::complete && terms_.keep_alive; }
  bool complete() const { return state_ == State::complete; }

 private:
  enum class State { fresh, counted, chunked, until_close, complete, broken };
  std::string head_text(int status, const Headers& headers, std::optional<std::uint64_t> length);
  Task<IoResult<void>> put(std::string_view first, std::string_view second,
                           std::string_view third = {});

  net::Stream& stream_;
  Terms terms_;
  State state_ = State::fresh;
  bool bodiless_ = false;
  std::uint64_t left_ = 0;
};

}  // namespace nuri::http
