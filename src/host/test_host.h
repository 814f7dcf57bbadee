#pragma once

// For tests: a whole host without its socket, in a realm of its own: network, control groups,
// disks, layers, instances; all of it removed at the end, also of a test that failed.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>

#include "base/guid.h"
#include "engine/door.h"
#include "host/cgroup.h"
#include "host/instances.h"
#include "host/kernel_file.h"
#include "host/network.h"
#include "host/test_layer.h"
#include "host/test_realm.h"
#include "host/test_wait.h"

namespace nuri::host {

class TestHost {
 public:
  TestHost() : cgroups_(open_cgroups()) {
    prepare_network(scratch_.realm());
    disks_ = std::make_unique<Disks>(scratch_.realm(), scratch_.settings().disk);
    layers_ = std::make_unique<LayerStore>(scratch_.realm(), "/proc/self/exe");
    restart();
    add_probe_layer();
  }
  // Forgets everything in memory, as a host that was killed and started again.
  void restart() {
    instances_.reset();
    instances_ =
        std::make_unique<Instances>(realm(), scratch_.settings(), *cgroups_, *disks_, *layers_);
    instances_->on_running([this](std::string guid, Fd pidfd) {
      const std::lock_guard lock(mutex_);
      pidfds_[guid] = std::move(pidfd);
    });
  }

  Instances& instances() { return *instances_; }
  const Realm& realm() const { return scratch_.realm(); }
  HostSettings& settings() { return scratch_.settings(); }
  Disks& disks() { return *disks_; }
  LayerStore& layers() { return *layers_; }
  CgroupTree& cgroups() { return *cgroups_; }

  // An instance that takes these steps (host/probe/main.cc).
  StartInstance request(std::vector<std::string> steps) {
    SystemRandom random;
    StartInstance r;
    r.guid = make_guid_text(random);
    r.app = app_;
    r.layers = {probe_};
    r.argv = std::move(steps);
    r.argv.insert(r.argv.begin(), "/bin/probe");
    r.env = {{"PORT", "8080"}, {"COLOUR", "blue sky"}};
    r.limits.memory_bytes = 64u << 20;
    r.limits.disk_bytes = 32u << 20;
    r.limits.pids = 32;
    r.log_source = "APP/PROC/WEB";
    r.port = 8080;
    r.stop_grace_ms = 1000;
    return r;
  }

  bool wait_end(const std::string& guid, int ms = 20'000) {
    int fd = -1;
    {
      const std::lock_guard lock(mutex_);
      const auto found = pidfds_.find(guid);
      if (found == pidfds_.end()) return false;
      fd = found->second.get();
    }
    pollfd p{fd, POLLIN, 0};
    if (::poll(&p, 1, ms) != 1) return false;
    instances_->shim_ended(guid);
    return true;
  }

  door::Exit exit_of(const std::string& guid) {
    const auto text = read_file_if_there(realm().instances_dir() + "/" + guid + "/exit");
    const auto exit =
        text ? door::parse_exit_file(*text) : std::unexpected(std::string("there is no exit file"));
    if (!exit) {
      ADD_FAILURE() << exit.error();
      return {};
    }
    return *exit;
  }

  // What the app said, "name=result" lines, so far.
  std::map<std::string, std::string> said(const std::string& app = app_) {
    std::map<std::string, std::string> out;
    const std::string dir = realm().logs_dir() + "/" + app;
    for (const std::string& name : list_dir(dir)) {
      std::ifstream in(dir + "/" + name);
      for (std::string line; std::getline(in, line);) {
        std::istringstream words(line);
        std::string time, stream, text;
        words >> time >> stream;
        std::getline(words, text);
        const auto equals = text.find('=');
        if (stream == "O" && equals != std::string::npos)
          out[text.substr(1, equals - 1)] = text.substr(equals + 1);
      }
    }
    return out;
  }

  // Starts, waits for the end, removes; what was said.
  std::map<std::string, std::string> run(const StartInstance& r) {
    instances_->start(r, {});
    EXPECT_TRUE(wait_end(r.guid));
    last_exit_ = exit_of(r.guid);
    instances_->remove({r.guid, false});
    return said();
  }
  const door::Exit& last_exit() const { return last_exit_; }

  static inline const std::string app_ = "2b0b4a3e-33a1-4ccd-8f2d-6a1f0a2b3c4d";

 private:
  // A member, so that it also runs when the constructor throws.
  struct Sweep {
    TestHost& host;
    ~Sweep() {
      try {
        host.sweep();
      } catch (const Error& e) {
        ADD_FAILURE() << "cleaning up: " << e.message();
      }
    }
  };
  void sweep() {
    // New ones, that have no one to tell and know what is there. The test may have swept.
    instances_.reset();
    layers_.reset();
    open_realm(scratch_.settings().realm);
    {
      Disks disks(realm(), scratch_.settings().disk);
      LayerStore layers(realm(), "/proc/self/exe");
      Instances(realm(), scratch_.settings(), *cgroups_, disks, layers).remove_all();
    }
    sweep_network(realm());
    cgroups_->remove(realm().cgroup());
  }
  void add_probe_layer() {
    std::ifstream in(probe_program(), std::ios::binary);
    std::ostringstream program;
    program << in.rdbuf();
    TestLayer layer;
    for (const char* dir : {"bin", "dev", "etc", "proc", "sys", "tmp", "work"}) layer.dir(dir);
    const std::string tar = layer.file("bin/probe", program.str(), 0755).finish();
    const Fd blob(::memfd_create("layer", MFD_CLOEXEC));
    if (::write(blob.get(), tar.data(), tar.size()) != static_cast<ssize_t>(tar.size())) return;
    ::lseek(blob.get(), 0, SEEK_SET);
    probe_ = Digest::of(tar);
    layers_->add(probe_, blob.get());
  }

  TestRealm scratch_;
  std::unique_ptr<CgroupTree> cgroups_;
  std::unique_ptr<Disks> disks_;
  std::unique_ptr<LayerStore> layers_;
  std::unique_ptr<Instances> instances_;
  std::mutex mutex_;
  std::map<std::string, Fd> pidfds_;
  Digest probe_;
  door::Exit last_exit_;
  Sweep sweep_{*this};
};

}  // namespace nuri::host
