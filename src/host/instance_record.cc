#include "host/instance_record.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "base/guid.h"
#include "base/json.h"
#include "base/log.h"
#include "engine/host_protocol_names.h"
#include "host/kernel_file.h"

namespace nuri::host {
namespace {

std::string path_of(const Realm& realm, const std::string& guid) {
  return realm.records_dir() + "/" + guid + ".json";
}

}  // namespace

std::string encode(const InstanceRecord& r) {
  json::array layers;
  for (const Digest& d : r.layers) layers.emplace_back(d.str());
  return json::serialize(json::object{{"version", 1},
                                      {"guid", r.guid},
                                      {"app", r.app},
                                      {"kind", name_of(r.kind)},
                                      {"index", r.index},
                                      {"slot", r.slot},
                                      {"layers", std::move(layers)},
                                      {"cache", r.cache},
                                      {"started", r.started},
                                      {"shim_pid", r.shim_pid},
                                      {"shim_start_time", r.shim_start_time}});
}

InstanceRecord parse_record(std::string_view text) {
  const json::object o = json::parse_object(text);
  InstanceRecord r;
  r.guid = json::require_string(o, "guid");
  r.app = json::require_string(o, "app");
  const auto kind = kind_named(json::require_string(o, "kind"));
  const std::int64_t slot = json::require_int(o, "slot");
  if (json::require_int(o, "version") != 1 || !is_guid(r.guid) || !is_guid(r.app) || !kind ||
      slot < 0 || slot >= kSlots)
    throw Error(Code::data_loss, "not a record of this version");
  r.kind = *kind;
  r.index = static_cast<std::uint32_t>(json::require_int(o, "index"));
  r.slot = static_cast<std::uint32_t>(slot);
  for (const json::value& v : json::require_array(o, "layers"))
    if (const auto d = v.is_string() ? Digest::parse(v.get_string()) : std::nullopt)
      r.layers.push_back(*d);
  r.cache = json::get_bool(o, "cache");
  r.started = json::get_bool(o, "started");
  r.shim_pid = static_cast<int>(json::require_int(o, "shim_pid"));
  r.shim_start_time = static_cast<std::uint64_t>(json::require_int(o, "shim_start_time"));
  return r;
}

void save(const Realm& realm, const InstanceRecord& record) {
  write_record(path_of(realm, record.guid), encode(record), Survives::process);
}

void forget_record(const Realm& realm, const std::string& guid) {
  if (::unlink(path_of(realm, guid).c_str()) != 0 && errno != ENOENT)
    throw system_error(fmt::format("removing {}", path_of(realm, guid)), errno);
}

std::vector<InstanceRecord> load_records(const Realm& realm) {
  std::vector<InstanceRecord> out;
  for (const std::string& name : list_dir(realm.records_dir())) {
    const std::string path = realm.records_dir() + "/" + name;
    if (!name.ends_with(".json") || !is_guid(name.substr(0, name.size() - 5))) continue;
    try {
      out.push_back(parse_record(read_file(path)));
    } catch (const Error& e) {
      log_error("an instance's record cannot be read and is removed",
                {{"path", path}, {"error", e.message()}});
      ::unlink(path.c_str());
    }
  }
  return out;
}

std::optional<std::uint64_t> start_time_of(int pid) {
  std::optional<std::string> stat;
  try {
    stat = read_file_if_there(fmt::format("/proc/{}/stat", pid));
  } catch (const Error&) {
    return std::nullopt;  // ESRCH: it went while being read
  }
  if (!stat) return std::nullopt;
  // The name, in parentheses, may hold anything; fields are counted behind it: state is the third.
  std::size_t at = stat->rfind(')');
  if (at == std::string::npos) return std::nullopt;
  ++at;
  for (int field = 3; field < 22; ++field) {
    at = stat->find(' ', at + 1);
    if (at == std::string::npos) return std::nullopt;
  }
  const std::size_t end = stat->find(' ', at + 1);
  return parse_number(std::string_view(*stat).substr(at, end - at));
}

std::optional<Fd> find_process(int pid, std::uint64_t start_time) {
  if (pid <= 0) return std::nullopt;
  Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) return std::nullopt;
  // Asked after the pidfd was opened: it then cannot become another's.
  const auto started = start_time_of(pid);
  if (!started || *started != start_time || has_ended(pidfd.get())) return std::nullopt;
  return pidfd;
}

bool has_ended(int pidfd) {
  pollfd p{pidfd, POLLIN, 0};
  return ::poll(&p, 1, 0) == 1;
}

}  // namespace nuri::host
