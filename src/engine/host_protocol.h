#pragma once

// The wire between the server (client) and `nuri host`: docs/formats/host.md. One SEQPACKET packet
// of JSON text is one message; descriptors travel with it (SCM_RIGHTS). Pure values and pure
// functions: no I/O, any thread.
//
// A client sends requests, each with an id of its choice; replies carry that id and may come in any
// order; events carry none. Requests for one instance are carried out one at a time, in order.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/digest.h"
#include "base/error.h"

namespace nuri::host {

inline constexpr int kProtocolVersion = 1;

enum class InstanceKind { app, build };

// What a sandbox may see of the host besides its image; the host knows the paths, a client never
// names one. Each is read-only except cache.
enum class ExtraMount {
  lifecycle,   // the program nuri-lifecycle, as /nuri/bin
  buildpacks,  // the built-in buildpacks, as /nuri/buildpacks
  cache,  // the app's cache disk, as /cache; kind build only. Disposable: may be empty any time
};

// Must come first on a connection; the host refuses everything else before it.
struct Hello {
  int min_version = kProtocolVersion;
  int max_version = kProtocolVersion;
};

struct InstanceLimits {
  std::uint64_t memory_bytes = 0;       // required
  std::uint64_t disk_bytes = 0;         // required: all that the sandbox may write, /tmp included
  std::uint64_t shm_bytes = 64u << 20;  // /dev/shm; what is in it counts as memory
  std::uint32_t cpu_weight = 100;       // 1..10000, relative to other instances (cgroup v2's scale)
  std::uint32_t cpu_millis = 0;         // hard quota in thousandths of a core; 0 = none
  std::uint32_t pids = 512;             // processes and threads
};

// Makes a sandbox and starts argv in it. Descriptors: none for kind app; two for kind build, input
// (read end) and output (write end), which the program has as descriptors 3 and 4.
// Reply: Started, once the program runs. On an error nothing is left behind.
struct StartInstance {
  std::string guid;  // the instance's
  std::string app;   // the app's guid: logs and cache are kept by it
  InstanceKind kind = InstanceKind::app;
  std::uint32_t index = 0;
  std::vector<Digest> layers;  // diff_ids, base first; all must be in the host's layer store
  std::vector<std::string> argv;
  std::vector<std::pair<std::string, std::string>> env;
  std::string cwd = "/";     // absolute, inside the image
  std::uint32_t uid = 1000;  // inside the sandbox; not 0
  std::uint32_t gid = 1000;
  InstanceLimits limits;
  std::string log_source;  // "APP/PROC/WEB", "STG"; [A-Z0-9/_-], 1 to 64 characters
  std::uint16_t port = 0;  // the port that the app was told; 0 = it serves none
  std::uint32_t stop_grace_ms = 10'000;
  std::vector<ExtraMount> mounts;
  std::string hostname;  // [a-z0-9-], ≤ 63; empty: the first 8 characters of guid
};

// Sweeps what an instance left: cgroups, disk, network rules, its directory. Sent after the server
// has stored the exit. Conflict while it still runs, unless `kill`: then it is killed first. An
// unknown guid is a success (it is gone). Reply: Done.
struct RemoveInstance {
  std::string guid;
  bool kill = false;
};

// Pages, in order of guid, through everything that has a directory, running or exited and not yet
// removed. Reply: InstancePage.
struct ListInstances {
  std::string after;  // a guid; empty: from the beginning
};

// Unpacks a layer blob (tar, or tar compressed by gzip or zstd) whose uncompressed bytes have this
// digest. One descriptor: the blob, open for reading, at its beginning. Does nothing if the layer
// is there. data_loss when the digest does not match. Reply: Done.
struct AddLayer {
  Digest diff_id;
};

// Which of these are in the layer store. Each that is gets a new lease: it will not be removed for
// limits::kLayerLease. Reply: Layers{those missing}.
struct HasLayers {
  std::vector<Digest> diff_ids;  // ≤ limits::kHostListEntries
};

// Pages through the layer store in order of digest, for the server's mark and sweep. Reply:
// LayerPage.
struct ListLayers {
  Digest after;  // empty: from the beginning
};

// Removes layers. Those that an instance uses or that are leased stay. Reply: Layers{those
// removed}.
struct RemoveLayers {
  std::vector<Digest> diff_ids;  // ≤ limits::kHostListEntries
};

// Forgets the cache of an app's builds. Conflict while a build uses it. Reply: Done.
struct RemoveCache {
  std::string app;
};

// Reply: InstanceStats.
struct GetStats {
  std::string guid;
};

// Reply: Capacity.
struct GetCapacity {};

using Request =
    std::variant<Hello, StartInstance, RemoveInstance, ListInstances, AddLayer, HasLayers,
                 ListLayers, RemoveLayers, RemoveCache, GetStats, GetCapacity>;

struct Welcome {
  int version = kProtocolVersion;
  std::string realm;
  std::string gateway;  // IPv4: the address of DNS for every instance; it is up before this is sent
  std::string subnet;   // "10.7.0.0/16"
  std::string instances_dir;  // /run/nuri/REALM/i
  std::string logs_dir;
};

struct Done {};

struct Started {
  std::string guid;
  std::string dir;      // /run/nuri/REALM/i/GUID: ctl.sock, door.sock, later exit
  std::string address;  // the instance's own
  int shim_pid = 0;
  std::uint64_t shim_start_time = 0;  // /proc/PID/stat field 22
};

enum class InstanceState { running, exited };

struct InstanceInfo {
  std::string guid;
  std::string app;
  InstanceKind kind = InstanceKind::app;
  std::uint32_t index = 0;
  InstanceState state = InstanceState::running;
  std::string address;
  int shim_pid = 0;
  std::uint64_t shim_start_time = 0;
};

struct InstancePage {
  std::vector<InstanceInfo> instances;
  bool more = false;  // ask again with after = the last one's guid
};

struct Layers {
  std::vector<Digest> diff_ids;
};

struct LayerInfo {
  Digest diff_id;
  std::uint64_t bytes = 0;  // of the uncompressed tar
};

struct LayerPage {
  std::vector<LayerInfo> layers;
  bool more = false;  // ask again with after = the last one's diff_id
};

struct InstanceStats {
  std::uint64_t memory_bytes = 0;  // now, page cache included
  std::uint64_t memory_anon_bytes = 0;
  std::uint64_t cpu_ns = 0;  // since the start
  std::uint64_t pids = 0;
  std::uint64_t disk_bytes = 0;  // allocated of its disk
  std::uint64_t oom_kills = 0;
};

struct Capacity {
  std::uint64_t disk_total_bytes = 0;
  std::uint64_t disk_free_bytes = 0;
  std::uint64_t disk_reserve_bytes = 0;
  std::uint64_t disk_promised_bytes = 0;  // of instances' quotas, not yet written
  std::uint64_t memory_total_bytes = 0;
  std::uint64_t memory_available_bytes = 0;
  std::uint32_t instances = 0;
  std::uint32_t slots = 0;  // the most instances that can be at one time
};

struct Failure {
  Code code = Code::internal;
  std::string message;
};

using Reply = std::variant<Failure, Done, Welcome, Started, InstancePage, Layers, LayerPage,
                           InstanceStats, Capacity>;

// A shim is gone; DIR/exit says how the app ended, if the shim could still write it. Sent to every
// connection that said Hello; what happened before is learned from ListInstances.
struct Exited {
  std::string guid;
};

struct RequestMessage {
  std::uint64_t id = 0;
  Request request;
};

struct ReplyMessage {
  std::uint64_t id = 0;
  Reply reply;
};

using HostMessage = std::variant<ReplyMessage, Exited>;

// How many descriptors must come with it.
std::size_t descriptors_of(const Request& request);
// "start_instance", …: the verb on the wire.
std::string_view verb_of(const Request& request);
// The instance that it is about; empty when none. Such requests are ordered among themselves.
std::string_view instance_of(const Request& request);

std::string encode(const RequestMessage& message);
std::string encode(const HostMessage& message);

// Both throw Error{bad_request | unprocessable | too_large} that names the field. A request that
// decodes is valid in every respect that can be seen without looking at the host.
RequestMessage parse_request(std::string_view packet);
HostMessage parse_host_message(std::string_view packet);

// The id of a packet that parse_request refused, so that the refusal can be answered; 0 if there is
// none.
std::uint64_t request_id_of(std::string_view packet);

}  // namespace nuri::host
