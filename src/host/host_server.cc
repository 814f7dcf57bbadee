#include "host/host_server.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>

#include "async/deadline.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/log.h"
#include "host/kernel_file.h"
#include "net/packet_socket.h"

namespace nuri::host {
namespace {

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};

Failure failure_of(const Error& e) { return {e.code(), e.message()}; }

void widen(int socket) {
  const int bytes = 2 * static_cast<int>(limits::kHostMessageBytes);
  ::setsockopt(socket, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
}

}  // namespace

struct HostServer::Connection {
  Connection(async::Loop& loop, Fd fd) : socket(loop, std::move(fd)), out(limits::kHostReplies) {}
  net::PacketSocket socket;
  async::Channel<std::string> out;
  bool greeted = false;
  bool open = true;
  std::size_t in_flight = 0;

  void say(const HostMessage& message) {
    if (open && !out.try_send(encode(message))) {
      log_warn("a client of the host does not read; its connection is closed");
      close();
    }
  }
  void close() {
    open = false;
    out.close();
  }
};

HostServer::HostServer(async::Loop& loop, async::BlockingPool& pool, const Realm& realm,
                       const HostSettings& settings, Instances& instances, Disks& disks,
                       LayerStore& layers)
    : loop_(loop),
      pool_(pool),
      realm_(realm),
      settings_(settings),
      instances_(instances),
      disks_(disks),
      layers_(layers),
      tasks_(loop),
      shims_(loop, 4 * kSlots) {}

HostServer::~HostServer() = default;

Task<void> HostServer::run(Fd listener) {
  instances_.on_running([sender = shims_.sender()](std::string guid, Fd pidfd) {
    sender.send({std::move(guid), std::make_shared<Fd>(std::move(pidfd))});
  });
  tasks_.spawn(watch_shims());
  tasks_.spawn(accept_all(std::move(listener)));
  co_await tasks_.join();
}

Task<void> HostServer::accept_all(Fd listener) {
  async::Descriptor socket(loop_, std::move(listener));
  for (;;) {
    auto accepted = co_await socket.accept();
    if (!accepted && accepted.error() == IoError::no_resources) {
      if (!co_await async::sleep(100ms)) co_return;
      continue;
    }
    if (!accepted) co_return;
    widen(accepted->get());
    auto connection = std::make_shared<Connection>(loop_, std::move(*accepted));
    const auto peer = connection->socket.peer();
    if (peer.uid != 0 && peer.uid != settings_.users.server_uid) {
      log_warn("a user who may not was turned away", {{"uid", peer.uid}, {"pid", peer.pid}});
      continue;
    }
    if (connections_.size() >= limits::kHostConnections) {
      log_warn("too many connections to the host; one was turned away");
      continue;
    }
    connections_.push_back(connection);
    tasks_.spawn(serve(std::move(connection)));
  }
}

Task<void> HostServer::serve(std::shared_ptr<Connection> connection) {
  async::TaskGroup writer(co_await async::current_scope());
  writer.spawn(write_all(connection));
  while (connection->open) {
    auto packet = co_await connection->socket.receive(limits::kHostMessageBytes);
    if (!packet || packet->end()) break;
    receive(connection, packet->text, std::move(packet->fds));
  }
  connection->close();
  writer.cancel();
  co_await writer.join();
  std::erase(connections_, connection);
}

Task<void> HostServer::write_all(std::shared_ptr<Connection> connection) {
  for (;;) {
    auto text = co_await connection->out.receive();
    if (!text) co_return;
    auto sent = co_await async::within(10s, connection->socket.send(std::move(*text)));
    if (sent) continue;
    connection->close();
    // Ends the reader too.
    ::shutdown(connection->socket.native(), SHUT_RDWR);
    co_return;
  }
}

void HostServer::receive(const std::shared_ptr<Connection>& connection, std::string_view packet,
                         std::vector<Fd> descriptors) {
  try {
    RequestMessage message = parse_request(packet);
    if (descriptors.size() != descriptors_of(message.request))
      throw Error(Code::bad_request,
                  fmt::format("{} takes {} descriptors, {} came", verb_of(message.request),
                              descriptors_of(message.request), descriptors.size()));
    if (!connection->greeted && !std::holds_alternative<Hello>(message.request))
      throw Error(Code::bad_request, "say hello first");
    if (connection->in_flight >= limits::kHostRequests)
      throw Error(Code::too_many, fmt::format("{} requests are under way on this connection",
                                              connection->in_flight));
    ++connection->in_flight;
    tasks_.spawn(answer(connection, std::move(message),
                        std::make_shared<std::vector<Fd>>(std::move(descriptors))));
  } catch (const Error& e) {
    connection->say(ReplyMessage{request_id_of(packet), failure_of(e)});
  }
}

Task<void> HostServer::answer(std::shared_ptr<Connection> connection, RequestMessage message,
                              std::shared_ptr<std::vector<Fd>> descriptors) {
  Reply reply;
  if (const auto* hello = std::get_if<Hello>(&message.request)) {
    reply = welcome(*hello);
    connection->greeted = std::holds_alternative<Welcome>(reply);
  } else {
    reply = co_await carry_out(message.request, descriptors);
  }
  if (const auto* failure = std::get_if<Failure>(&reply))
    log_info("a request failed", {{"verb", verb_of(message.request)},
                                  {"instance", instance_of(message.request)},
                                  {"code", info(failure->code).name},
                                  {"error", failure->message}});
  --connection->in_flight;
  connection->say(ReplyMessage{message.id, std::move(reply)});
}

Task<Reply> HostServer::carry_out(Request request, std::shared_ptr<std::vector<Fd>> descriptors) {
  Turns::Turn turn(turns_, std::string(instance_of(request)));
  if (auto came = co_await turn.comes(); !came)
    co_return Failure{Code::cancelled, "the host is being stopped"};
  try {
    co_return co_await pool_.run(
        [this, request, descriptors] { return carry_out_blocking(request, *descriptors); });
  } catch (const Error& e) {
    co_return failure_of(e);
  } catch (const std::exception& e) {
    co_return Failure{Code::internal,
                      fmt::format("the host met an error of its own: {}", e.what())};
  }
}

Reply HostServer::carry_out_blocking(const Request& request, const std::vector<Fd>& descriptors) {
  return std::visit(
      Overloaded{
          [&](const Hello& r) -> Reply { return welcome(r); },
          [&](const StartInstance& r) -> Reply { return instances_.start(r, descriptors); },
          [&](const RemoveInstance& r) -> Reply {
            instances_.remove(r);
            return Done{};
          },
          [&](const ListInstances& r) -> Reply { return instances_.list(r.after); },
          [&](const AddLayer& r) -> Reply {
            layers_.add(r.diff_id, descriptors.at(0).get());
            return Done{};
          },
          [&](const HasLayers& r) -> Reply {
            Layers missing;
            for (const Digest& d : r.diff_ids)
              if (!layers_.lease(d)) missing.diff_ids.push_back(d);
            return missing;
          },
          [&](const ListLayers& r) -> Reply { return layers_.list(r.after); },
          [&](const RemoveLayers& r) -> Reply {
            return Layers{
                layers_.remove(r.diff_ids, instances_.layers_in_use(), SystemClock().wall())};
          },
          [&](const RemoveCache& r) -> Reply {
            disks_.remove_cache(r.app);
            return Done{};
          },
          [&](const GetStats& r) -> Reply { return instances_.stats(r.guid); },
          [&](const GetCapacity&) -> Reply { return capacity(); },
      },
      request);
}

Reply HostServer::welcome(const Hello& hello) const {
  if (hello.min_version > kProtocolVersion || hello.max_version < kProtocolVersion)
    return Failure{Code::unprocessable,
                   fmt::format("this host speaks version {} of its protocol, the client {} to {}: "
                               "bring both to one release",
                               kProtocolVersion, hello.min_version, hello.max_version)};
  return Welcome{kProtocolVersion,       realm_.name,
                 realm_.gateway().str(), realm_.subnet.str(),
                 realm_.instances_dir(), realm_.logs_dir()};
}

Capacity HostServer::capacity() const {
  const DiskUse disk = disks_.use();
  const std::string memory = read_file("/proc/meminfo");
  const auto kib = [&](std::string_view key) {
    const auto at = memory.find(key);
    if (at == std::string::npos) return std::uint64_t{0};
    const auto from = memory.find_first_not_of(' ', at + key.size());
    return parse_number(std::string_view(memory).substr(from, memory.find(' ', from) - from))
               .value_or(0) *
           1024;
  };
  return {disk.total_bytes, disk.free_bytes,      disk.reserve_bytes, disk.promised_bytes,
          kib("MemTotal:"), kib("MemAvailable:"), instances_.count(), kSlots};
}

Task<void> HostServer::watch_shims() {
  for (;;) {
    auto shim = co_await shims_.receive();
    if (!shim) co_return;
    tasks_.spawn(watch(std::move(*shim)));
  }
}

Task<void> HostServer::watch(Ended shim) {
  async::Descriptor pidfd(loop_, std::move(*shim.pidfd));
  if (!co_await pidfd.readable()) co_return;
  bool first = false;
  try {
    first = co_await pool_.run([this, guid = shim.guid] { return instances_.shim_ended(guid); });
  } catch (const Error& e) {
    log_error("the end of an instance could not be noted",
              {{"guid", shim.guid}, {"error", e.message()}});
  }
  if (!first) co_return;
  for (const auto& connection : connections_)
    if (connection->greeted) connection->say(Exited{shim.guid});
}

}  // namespace nuri::host
