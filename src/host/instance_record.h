#pragma once

// What the host knows of one instance, on disk in RUN/host/GUID.json (root's alone: an instance's
// own directory belongs to its shim's user, who must not be believed). Written before the first
// thing is made, removed after the last is gone.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/fd.h"
#include "engine/host_protocol.h"
#include "host/realm.h"

namespace nuri::host {

struct InstanceRecord {
  std::string guid;
  std::string app;
  InstanceKind kind = InstanceKind::app;
  std::uint32_t index = 0;
  std::uint32_t slot = 0;
  std::vector<Digest> layers;
  bool cache = false;    // it has the app's cache disk
  bool started = false;  // the server was told so, or is about to be
  int shim_pid = 0;      // 0: not forked yet
  std::uint64_t shim_start_time = 0;
  friend bool operator==(const InstanceRecord&, const InstanceRecord&) = default;
};

void save(const Realm& realm, const InstanceRecord& record);
void forget_record(const Realm& realm, const std::string& guid);
// All that can be read; one that cannot is removed, with a line in the log.
std::vector<InstanceRecord> load_records(const Realm& realm);

std::string encode(const InstanceRecord& record);
InstanceRecord parse_record(std::string_view text);

// /proc/PID/stat, field 22; nullopt when there is no such process.
std::optional<std::uint64_t> start_time_of(int pid);
// A pidfd of the process if it is still the one that was started then.
std::optional<Fd> find_process(int pid, std::uint64_t start_time);
// True once the process behind the pidfd has ended.
bool has_ended(int pidfd);

}  // namespace nuri::host
