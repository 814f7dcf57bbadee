#include "engine/local/host_client.h"

#include <fmt/format.h>

#include "async/deadline.h"
#include "base/limits.h"
#include "base/log.h"

namespace nuri::engine::local {
namespace {

constexpr Duration kReconnect = 200ms;
constexpr Duration kGreetDeadline = 10s;
constexpr Duration kConnectDeadline = 2s;
constexpr std::size_t kInFlight = limits::kHostRequests / 2;

}  // namespace

Task<void> HostClient::run() {
  bool said = false;
  for (;;) {
    auto socket = co_await async::within(kGreetDeadline, net::PacketSocket::connect(loop_, path_));
    if (socket) {
      socket_ = std::move(*socket);
      said = false;
      co_await serve_connection();
    } else if (!said) {
      log_warn("nuri host cannot be reached; trying on",
               {{"socket", path_}, {"error", describe(socket.error())}});
      said = true;
    }
    if (!co_await async::sleep(kReconnect)) co_return;
  }
}

Task<void> HostClient::serve_connection() {
  if (auto greeted = co_await async::within(kGreetDeadline, greet())) {
    connected_.set();
    changed_.pulse();
    (void)co_await read_all();
  } else {
    log_warn("nuri host did not answer a greeting", {{"error", describe(greeted.error())}});
  }
  break_off();
}

Task<IoResult<void>> HostClient::greet() {
  const std::uint64_t id = next_id_++;
  if (auto sent = co_await socket_.send(host::encode(host::RequestMessage{id, host::Hello{}}));
      !sent)
    co_return sent;
  auto packet = co_await socket_.receive(limits::kHostMessageBytes);
  if (!packet) co_return std::unexpected(packet.error());
  if (packet->end()) co_return std::unexpected(IoError::end);
  try {
    const auto message = host::parse_host_message(packet->text);
    const auto* reply = std::get_if<host::ReplyMessage>(&message);
    const auto* welcome = reply ? std::get_if<host::Welcome>(&reply->reply) : nullptr;
    if (!welcome) co_return std::unexpected(IoError::malformed);
    welcome_ = *welcome;
  } catch (const Error& error) {
    log_error("nuri host speaks another language", {{"error", error.message()}});
    co_return std::unexpected(IoError::malformed);
  }
  co_return IoResult<void>{};
}

Task<IoResult<void>> HostClient::read_all() {
  for (;;) {
    auto packet = co_await socket_.receive(limits::kHostMessageBytes);
    if (!packet) co_return std::unexpected(packet.error());
    if (packet->end()) co_return std::unexpected(IoError::end);
    try {
      deliver(host::parse_host_message(packet->text));
    } catch (const Error& error) {
      log_error("a message of nuri host cannot be read", {{"error", error.message()}});
      co_return std::unexpected(IoError::malformed);
    }
  }
}

void HostClient::deliver(host::HostMessage message) {
  if (std::holds_alternative<host::Exited>(message)) {
    changed_.pulse();
    return;
  }
  auto& reply = std::get<host::ReplyMessage>(message);
  const auto it = pending_.find(reply.id);
  if (it == pending_.end()) return;  // its caller left at a deadline
  it->second->reply = std::move(reply.reply);
  it->second->arrived.set();
}

void HostClient::break_off() {
  connected_.clear();
  socket_ = {};
  for (auto& [id, pending] : pending_) {
    pending->broken = true;
    pending->arrived.set();
  }
}

Task<host::Reply> HostClient::call(host::Request request, std::vector<int> fds) {
  const std::string_view verb = host::verb_of(request);
  const auto waited = co_await async::within(kConnectDeadline, until_connected());
  if (!waited && waited.error() == IoError::cancelled)
    throw error_of(waited.error(), fmt::format("wait for nuri host ({})", verb));
  if (!connected())
    throw Error(Code::unavailable,
                fmt::format("nuri host is not reachable at {} (for {})", path_, verb));
  while (pending_.size() >= kInFlight)
    if (auto answered = co_await answered_.wait(); !answered)
      throw error_of(answered.error(), fmt::format("wait to speak to nuri host ({})", verb));
  const std::uint64_t id = next_id_++;
  Pending pending;
  struct Registration {
    HostClient& client;
    std::uint64_t id;
    ~Registration() {
      client.pending_.erase(id);
      client.answered_.pulse();
    }
  } registration{*this, id};
  pending_[id] = &pending;

  while (sending_)
    if (auto turn = co_await sent_.wait(); !turn)
      throw error_of(turn.error(), "wait to speak to nuri host");
  if (pending.broken) throw Error(Code::unavailable, "the connection to nuri host broke");
  sending_ = true;
  auto sent = co_await socket_.send(host::encode(host::RequestMessage{id, std::move(request)}),
                                    std::move(fds));
  sending_ = false;
  sent_.pulse();
  if (!sent) throw Error(Code::unavailable, fmt::format("cannot send {} to nuri host", verb));

  if (auto arrived = co_await pending.arrived.wait(); !arrived)
    throw error_of(arrived.error(), fmt::format("wait for nuri host ({})", verb));
  if (!pending.reply) throw Error(Code::unavailable, "the connection to nuri host broke");
  if (const auto* failure = std::get_if<host::Failure>(&*pending.reply))
    throw Error(failure->code, failure->message);
  co_return std::move(*pending.reply);
}

}  // namespace nuri::engine::local
