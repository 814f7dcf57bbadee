#pragma once

// TlsCarrier: a wire's bytes inside TLS, on a socket.

#include <optional>
#include <string>

#include "async/descriptor.h"
#include "async/hangup_watch.h"
#include "net/tls_session.h"
#include "router/carrier.h"
#include "router/turn.h"

namespace nuri::router {

class TlsCarrier final : public Carrier {
 public:
  // `received`: of the socket before.
  TlsCarrier(async::Descriptor socket, net::TlsSession session, std::string received = {})
      : socket_(std::move(socket)), session_(std::move(session)), early_(std::move(received)) {}

  // Before anything else. IoError::malformed: the peer speaks no TLS that is accepted here.
  Task<IoResult<void>> handshake();
  const net::TlsSession& session() const { return session_; }

  Task<IoResult<void>> receive(std::string& into, Duration limit) override;
  Task<IoResult<void>> send(std::string_view first, std::string_view second, std::size_t& sent,
                            Duration limit) override;
  Task<IoResult<void>> takes_more(Duration limit) override;
  void finish() override;
  void break_off() override;
  bool bytes_wait() const override;
  void watch(async::Scope* scope) override;
  bool hung_up() const override { return watch_ && watch_->hung_up(); }

 private:
  Task<IoResult<void>> flush(Time until);
  IoResult<bool> decrypt(std::string_view& in, std::string& into);

  async::Descriptor socket_;
  net::TlsSession session_;
  Turn sending_;
  bool broken_ = false;  // what was sent ends within a record, or before the end of a message
  std::string early_;    // came with the end of the handshake
  std::optional<async::HangupWatch> watch_;
};

}  // namespace nuri::router
