#pragma once

// The way into an instance: what is said on a shim's ctl.sock and door.sock, and in its `exit`
// file. SOCK_SEQPACKET, one text packet a message, `verb key=value …`; docs/formats/shim.md has the
// table. Pure functions: no I/O, no exceptions, no threads, used by the static shim, engine/local
// and the router. Keys that a side does not know are ignored, so that versions N and N-1 understand
// each other; a verb that it does not know is refused.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace nuri::door {

inline constexpr std::uint32_t kOldestVersion = 1;
inline constexpr std::uint32_t kNewestVersion = 1;

enum class Verb {
  hello,      // ctl, door: first packet of a connection
  sockets,    // ctl, door: make `count` sockets in the instance's network namespace; thaws
  listening,  // ctl, door: which TCP ports the instance listens on
  stats,      // ctl
  freeze,     // ctl
  thaw,       // ctl
  wake,       // door: thaw
  stop,       // ctl: `signal` to the app's process group, SIGKILL to everything after `grace_ms`
};

struct Request {
  Verb verb = Verb::hello;
  std::uint32_t id = 0;                                            // comes back in the reply
  std::uint32_t oldest = kOldestVersion, newest = kNewestVersion;  // hello
  std::uint32_t count = 1;     // sockets: 1…limits::kSocketsPerBatch
  std::uint16_t port = 0;      // sockets: 0 is the instance's own port
  int signal = 0;              // stop: 0 is the instance's own
  std::int64_t grace_ms = -1;  // stop: -1 is the instance's own
  friend bool operator==(const Request&, const Request&) = default;
};

// Answer to hello: who is here.
struct Welcome {
  std::uint32_t version = kNewestVersion;
  std::string guid{};
  std::string app_guid{};
  std::uint32_t index = 0;
  std::uint32_t pid = 0;   // the shim
  std::uint32_t init = 0;  // PID 1 of the sandbox, as the host sees it
  std::uint16_t port = 0;
  bool build = false;
  bool frozen = false;
  bool stopping = false;
  std::int64_t started_ns = 0;  // wall clock
  friend bool operator==(const Welcome&, const Welcome&) = default;
};

// Answer to sockets; the descriptors (TCP, non-blocking, close-on-exec, TCP_NODELAY, bound to
// 192.0.0.8 or 100::8) come with the packet. connect() each to `to`: "127.0.0.1:8080",
// "[::1]:8080".
struct Sockets {
  std::uint32_t count = 0;
  std::string to{};
  friend bool operator==(const Sockets&, const Sockets&) = default;
};

struct Listening {
  std::vector<std::uint16_t> ports{};  // ascending; at most limits::kListeningPorts
  friend bool operator==(const Listening&, const Listening&) = default;
};

struct Stats {
  std::uint64_t cpu_ns = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t memory_peak = 0;
  std::uint64_t pids = 0;
  std::uint64_t oom_kills = 0;
  std::uint64_t disk_used = 0;
  std::uint64_t disk_total = 0;
  std::uint64_t log_lines_dropped = 0;
  std::int64_t uptime_ns = 0;
  bool frozen = false;
  friend bool operator==(const Stats&, const Stats&) = default;
};

// freeze, thaw, wake were done; stop was begun (the end comes as Exit).
struct Done {
  friend bool operator==(const Done&, const Done&) = default;
};

enum class Refused {
  bad_request,    // cannot be understood, or not allowed on this socket
  version,        // no common version
  not_listening,  // nothing listens on the port; `ports` says where something does
  ended,          // the instance is over
  failed,         // the kernel refused; text says what
};

struct Refusal {
  Refused why = Refused::failed;
  std::string text{};
  std::vector<std::uint16_t> ports{};  // of not_listening
  friend bool operator==(const Refusal&, const Refusal&) = default;
};

enum class Cause {
  exited,          // code
  signaled,        // signal
  out_of_memory,   // the kernel killed the app's main process for its memory limit
  sandbox_killed,  // init was killed: everything inside ended with it
  start_failed,    // the program never ran; text says why
};

// How an instance ended: pushed once on every ctl connection, and the content of DIR/exit.
struct Exit {
  std::string guid{};
  Cause cause = Cause::exited;
  int code = 0;
  int signal = 0;
  bool stop_requested = false;
  bool grace_exceeded = false;    // SIGKILL was needed
  std::uint64_t oom_kills = 0;    // of any process inside
  std::uint64_t pids_denied = 0;  // forks refused by the pids limit
  std::uint64_t memory_peak = 0;
  std::uint64_t disk_used = 0;
  std::uint64_t disk_total = 0;
  bool disk_full = false;  // at its end the instance's disk had no room
  std::uint64_t log_lines_dropped = 0;
  std::int64_t started_ns = 0;  // wall clock; 0: never
  std::int64_t ended_ns = 0;
  std::string text{};  // for the person, of start_failed
  friend bool operator==(const Exit&, const Exit&) = default;
};

struct Reply {
  std::uint32_t id = 0;  // of the request; 0 for a pushed Exit
  std::variant<Done, Welcome, Sockets, Listening, Stats, Refusal, Exit> body;
  friend bool operator==(const Reply&, const Reply&) = default;
};

std::string encode(const Request& request);
std::string encode(const Reply& reply);
// Or what is wrong with the packet, for the peer's log.
std::expected<Request, std::string> parse_request(std::string_view packet);
std::expected<Reply, std::string> parse_reply(std::string_view packet);

// The exit file: one line.
std::string encode_exit_file(const Exit& exit);
std::expected<Exit, std::string> parse_exit_file(std::string_view text);

// The packets of the start handshake between host and shim (docs/formats/shim.md).
struct Handshake {
  enum class Step { namespaces, go, started, failed } step = Step::namespaces;
  std::uint32_t pid = 0;   // namespaces, started: the shim
  std::uint32_t init = 0;  // started
  std::string text{};      // failed
  friend bool operator==(const Handshake&, const Handshake&) = default;
};
std::string encode(const Handshake& message);
std::expected<Handshake, std::string> parse_handshake(std::string_view packet);

}  // namespace nuri::door
