#pragma once

// The FakeEngine with what it has no need of: builds read their package from the blob store and
// leave an image there, instances need their image's blobs, and the machine keeps unpacked layers
// and build caches, which somebody has to take away.

#include <functional>
#include <set>

#include "engine/fake/fake_engine.h"
#include "image/blob_store.h"

namespace nuri::sim {

// Names of files in a package that tell how its app behaves.
inline constexpr const char* kBehaviourFile = "behaviour";  // its content: a Behaviour's number
inline constexpr const char* kWorkerFile = "worker";        // there is a process type "worker"

// What is on the machine's disk: it outlives servers.
struct MachineDisk {
  std::set<Digest> images;  // unpacked
  std::set<AppGuid> caches;
};

class LayeredEngine final : public engine::Engine {
 public:
  struct Parts {
    engine::FakeEngine& engine;
    engine::FakeMachine& machine;
    MachineDisk& disk;
    image::BlobStore& blobs;
    std::function<void(std::string)> violated;  // what somebody needs is gone
  };
  explicit LayeredEngine(Parts parts) : parts_(std::move(parts)) {}

  Task<void> start(engine::InstanceSpec spec) override;
  Task<engine::BuildResult> build(engine::BuildSpec spec) override;
  Task<void> forget_app(AppGuid app) override;
  Task<void> collect(std::set<Digest> images_in_use) override;

  Task<void> stop(InstanceGuid guid, Duration grace) override {
    return parts_.engine.stop(std::move(guid), grace);
  }
  Task<void> remove(InstanceGuid guid) override { return parts_.engine.remove(std::move(guid)); }
  Task<std::vector<engine::Observed>> observe() override { return parts_.engine.observe(); }
  async::Event& changed() override { return parts_.engine.changed(); }
  Task<engine::ProbeResult> probe(InstanceGuid guid, engine::Probe probe) override {
    return parts_.engine.probe(std::move(guid), probe);
  }
  Task<std::optional<engine::Stats>> stats(InstanceGuid guid) override {
    return parts_.engine.stats(std::move(guid));
  }
  std::string upstream(const InstanceGuid& guid, int port) const override {
    return parts_.engine.upstream(guid, port);
  }

 private:
  struct Source {
    engine::Behaviour behaviour = engine::Behaviour::healthy;
    bool worker = false;
  };
  Source read_package(const engine::BuildSpec& spec) const;
  Digest make_image(const Digest& package) const;

  Parts parts_;
};

}  // namespace nuri::sim
