#pragma once

// A Dialer whose connections end in a Server of this process: for tests and simulation, where a
// client and a server meet without a socket.

#include "async/task_group.h"
#include "http/client.h"
#include "http/server.h"
#include "net/memory_stream.h"

namespace nuri::http {

class MemoryDialer final : public Dialer {
 public:
  // All outlive the dialer's connections, which run in `group`.
  MemoryDialer(async::Loop& loop, async::TaskGroup& group, Server& server,
               std::size_t piece_bytes = 4096)
      : loop_(loop), group_(group), server_(server), piece_bytes_(piece_bytes) {}

  Task<IoResult<std::unique_ptr<net::Stream>>> dial(const Url&, const net::Address&,
                                                    std::string&) override {
    auto [near, far] = net::memory_pair(loop_, piece_bytes_);
    group_.spawn(serve(server_, std::move(far)));
    ++dialled_;
    co_return std::move(near);
  }
  std::size_t dialled() const { return dialled_; }

 private:
  static Task<void> serve(Server& server, std::unique_ptr<net::Stream> stream) {
    co_await server.serve_connection(*stream);
  }
  async::Loop& loop_;
  async::TaskGroup& group_;
  Server& server_;
  std::size_t piece_bytes_;
  std::size_t dialled_ = 0;
};

}  // namespace nuri::http
