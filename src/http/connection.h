#pragma once

// One connection of a Server: reads requests, has them answered, decides whether another follows.

#include "http/input.h"
#include "http/response.h"
#include "http/server.h"

namespace nuri::http {

class Connection {
 public:
  Connection(Server& server, net::Stream& stream)
      : server_(server), stream_(stream), input_(stream) {}
  // Until the connection is done with; the caller closes the stream.
  Task<void> run();

 private:
  struct Head {
    Request request;
    Framing framing;
    Version version = Version::http11;
    bool keep_alive = false;
    bool expect_continue = false;
  };
  enum class Next : std::uint8_t { request, close };

  // False if the peer left, was idle too long, or gave way.
  Task<bool> wait_for_request();
  // Nullopt: the connection is over, and the peer has been told why if that makes sense.
  Task<std::optional<Head>> read_head();
  Task<IoResult<std::optional<Head>>> read_head_bytes(std::optional<Refusal>& refusal);
  Task<void> refuse(Refusal refusal);
  Task<Next> answer(Head head);
  Task<void> serve(Request& request, ConnectionResponse& response);
  // Lets a peer that is still sending read the answer before the connection breaks.
  Task<void> linger();
  Head head_of(const HeadView& view) const;
  ConnectionResponse::Terms terms_of(const Head& head, std::string_view request_id) const;

  Server& server_;
  net::Stream& stream_;
  Input input_;
};

}  // namespace nuri::http
