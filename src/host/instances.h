#pragma once

// The instances of a realm on this machine: made, found again, swept. Blocking. start, remove and
// stats of one guid must not run at the same time (the server orders them); everything else may,
// from any thread.

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/fd.h"
#include "engine/host_protocol.h"
#include "host/cgroup.h"
#include "host/disk.h"
#include "host/host_settings.h"
#include "host/instance_record.h"
#include "host/layers.h"

namespace nuri::host {

class Instances {
 public:
  // Finds what runs, and removes what a start that was cut short left behind. The network must be
  // prepared. The references must outlive this.
  Instances(const Realm& realm, const HostSettings& settings, CgroupTree& cgroups, Disks& disks,
            LayerStore& layers);

  // Called, from any thread, with each shim's pidfd: for those found by the constructor (on the
  // call) and for each that is started. Who watches says shim_ended when it is readable.
  void on_running(std::function<void(std::string guid, Fd pidfd)> watch);

  // descriptors: those of the request, as many as descriptors_of says. Throws Error; then nothing
  // is left.
  Started start(const StartInstance& request, const std::vector<Fd>& descriptors);
  // The shim has ended: kills what is left of the sandbox. True the first time.
  bool shim_ended(const std::string& guid);
  void remove(const RemoveInstance& request);
  InstancePage list(const std::string& after) const;
  InstanceStats stats(const std::string& guid) const;
  std::set<Digest> layers_in_use() const;
  std::uint32_t count() const;

  // Kills and removes every instance of the realm.
  void remove_all();

 private:
  struct Entry {
    InstanceRecord record;
    bool running = false;
  };

  void load();
  void remove_strays();
  InstanceRecord claim(const StartInstance& request);
  void save_entry(const InstanceRecord& record, bool running);
  void launch(const StartInstance& request, InstanceRecord& record,
              const std::vector<Fd>& descriptors, Fd& pidfd);
  // Removes everything of an instance whose shim is dead or will be killed here.
  void sweep(const InstanceRecord& record);
  std::string cgroup_of(const InstanceRecord& record) const;
  std::string shim_cgroup_of(const std::string& guid) const;
  std::string dir_of(const std::string& guid) const { return realm_.instances_dir() + "/" + guid; }
  std::optional<Entry> find(const std::string& guid) const;

  const Realm& realm_;
  const HostSettings& settings_;
  CgroupTree& cgroups_;
  Disks& disks_;
  LayerStore& layers_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;
  std::uint32_t next_slot_ = 0;
  std::function<void(std::string, Fd)> watch_;
};

}  // namespace nuri::host
