#pragma once

// The engine of one machine: `nuri host` makes sandboxes and keeps layers, shims are asked
// directly.

#include <map>
#include <set>
#include <string>

#include "async/blocking_pool.h"
#include "engine/engine.h"
#include "engine/local/host_client.h"
#include "image/blob_store.h"
#include "image/oci.h"

namespace nuri::engine::local {

struct LocalSettings {
  std::string host_socket;    // /run/nuri/REALM/host.sock
  std::string instances_dir;  // /run/nuri/REALM/i
  Digest run_image;           // manifests of the base images, in the BlobStore
  Digest build_image;
  // For builds only, never in an image: the operator's proxies and mirrors, and trusted
  // certificates.
  std::vector<std::pair<std::string, std::string>> platform_env;
  std::string ca_bundle;  // PEM; empty: the image's own
  int build_memory_mb = 2048;
  int build_disk_mb = 4096;
};

class LocalEngine final : public Engine {
 public:
  // `pool` for short jobs; `streams` for those that last as long as a build: two threads a build.
  LocalEngine(async::Loop& loop, async::BlockingPool& pool, async::BlockingPool& streams,
              image::BlobStore& blobs, LocalSettings settings);

  // Keeps the connection to the host. Until cancelled.
  Task<void> run() { return host_.run(); }

  Task<void> start(InstanceSpec spec) override;
  Task<void> stop(InstanceGuid guid, Duration grace) override;
  Task<void> remove(InstanceGuid guid) override;
  Task<std::vector<Observed>> observe() override;
  async::Event& changed() override { return changed_; }
  Task<ProbeResult> probe(InstanceGuid guid, Probe probe) override;
  Task<std::optional<Stats>> stats(InstanceGuid guid) override;
  std::string upstream(const InstanceGuid& guid, int port) const override;
  Task<BuildResult> build(BuildSpec spec) override;
  Task<void> forget_app(AppGuid app) override;
  Task<void> collect(std::set<Digest> images_in_use) override;

 private:
  std::string dir_of(const std::string& guid) const { return settings_.instances_dir + "/" + guid; }
  Task<image::oci::Image> image_of(Digest manifest);
  // Hands the host the layers that it lacks.
  Task<void> provide_layers(image::oci::Image image);
  Task<model::InstanceExit> exit_of(std::string guid);
  Task<void> run_build(BuildSpec spec, BuildResult& result);
  Task<model::InstanceExit> build_end(std::string guid);

  async::Loop& loop_;
  async::BlockingPool& pool_;
  async::BlockingPool& streams_;
  image::BlobStore& blobs_;
  LocalSettings settings_;
  async::Event changed_;
  HostClient host_;
  struct CpuReading {
    std::uint64_t cpu_ns = 0;
    Time at;
  };
  std::map<InstanceGuid, CpuReading> cpu_;
};

}  // namespace nuri::engine::local
