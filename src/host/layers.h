#pragma once

// The layer store: unpacked layers by diff_id, owned by the realm's store range of user ids.
// PRIVATE/layers/sha256/HEX/ holds `fs` (the tree) and `info.json`; its time of change is its
// lease. Blocking; any thread; one store object a realm.

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "engine/host_protocol.h"
#include "host/realm.h"

namespace nuri::host {

class LayerStore {
 public:
  // `unpack_program`: the program whose sub-command host-unpack is unpack_main, usually
  // /proc/self/exe. What a killed unpack left is removed.
  LayerStore(const Realm& realm, std::string unpack_program);
  ~LayerStore();

  // Unpacks unless it is there. Two at once of one layer: the second waits for the first. Throws
  // Error.
  void add(const Digest& diff_id, int blob);
  // Renews its lease. False if it is not there.
  bool lease(const Digest& diff_id);
  // The tree's path; throws Error{not_found} naming the layer. Renews its lease.
  std::string path(const Digest& diff_id);
  LayerPage list(const Digest& after) const;
  // Those that were removed: not leased at `now`, and not in `used`.
  std::vector<Digest> remove(const std::vector<Digest>& diff_ids, const std::set<Digest>& used,
                             WallTime now);

 private:
  void unpack(const Digest& diff_id, int blob, const std::string& temp);
  void forget_unsynced();
  void sync_later();
  std::string dir(const Digest& diff_id) const { return root_ + "/" + diff_id.hex(); }

  const Realm realm_;
  const std::string program_;
  const std::string root_;
  const std::string temp_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<Digest> unpacking_;
  std::uint64_t serial_ = 0;
  std::set<Digest> unsynced_;
  bool ending_ = false;
  std::thread syncer_;
};

}  // namespace nuri::host
