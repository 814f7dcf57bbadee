#pragma once

// The host's socket: accepts the server (and root), carries requests out, several at a time but one
// at a time for an instance, and tells every connection when a shim ends. docs/formats/host.md. One
// loop's thread; what blocks runs on the pool.

#include <list>
#include <memory>
#include <string>

#include "async/blocking_pool.h"
#include "async/channel.h"
#include "async/task_group.h"
#include "base/fd.h"
#include "engine/host_protocol.h"
#include "host/disk.h"
#include "host/host_settings.h"
#include "host/instances.h"
#include "host/layers.h"
#include "host/turns.h"

namespace nuri::host {

class HostServer {
 public:
  // All references must outlive the server, and the pool's jobs must have ended before it is
  // destroyed (destroy the pool first).
  HostServer(async::Loop& loop, async::BlockingPool& pool, const Realm& realm,
             const HostSettings& settings, Instances& instances, Disks& disks, LayerStore& layers);
  ~HostServer();

  // Serves until the scope is cancelled. `listener`: a SEQPACKET socket that listens.
  Task<void> run(Fd listener);

 private:
  struct Connection;
  struct Ended {
    std::string guid;
    std::shared_ptr<Fd> pidfd;
  };

  Task<void> accept_all(Fd listener);
  Task<void> serve(std::shared_ptr<Connection> connection);
  Task<void> write_all(std::shared_ptr<Connection> connection);
  Task<void> answer(std::shared_ptr<Connection> connection, RequestMessage message,
                    std::shared_ptr<std::vector<Fd>> descriptors);
  Task<Reply> carry_out(Request request, std::shared_ptr<std::vector<Fd>> descriptors);
  Reply carry_out_blocking(const Request& request, const std::vector<Fd>& descriptors);
  Reply welcome(const Hello& hello) const;
  Capacity capacity() const;
  Task<void> watch_shims();
  Task<void> watch(Ended shim);
  void receive(const std::shared_ptr<Connection>& connection, std::string_view packet,
               std::vector<Fd> descriptors);

  async::Loop& loop_;
  async::BlockingPool& pool_;
  const Realm& realm_;
  const HostSettings& settings_;
  Instances& instances_;
  Disks& disks_;
  LayerStore& layers_;
  async::TaskGroup tasks_;
  async::Mailbox<Ended> shims_;
  Turns turns_;
  std::list<std::shared_ptr<Connection>> connections_;
};

}  // namespace nuri::host
