#include "host/shim/spec.h"

#include <charconv>
#include <utility>

namespace nuri::shim {
namespace {

// "word rest": takes the word off.
std::string_view next_word(std::string_view& text) {
  std::size_t space = text.find(' ');
  std::string_view word = text.substr(0, space);
  text = space == std::string_view::npos ? std::string_view() : text.substr(space + 1);
  return word;
}

template <class T>
bool parse_number(std::string_view text, T& out) {
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), out);
  return failure == std::errc() && end == text.data() + text.size() && !text.empty();
}

bool unescape(std::string_view text, std::string& out) {
  out.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\0') return false;
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    if (++i == text.size()) return false;
    if (text[i] == 'n') {
      out += '\n';
    } else if (text[i] == '\\') {
      out += '\\';
    } else {
      return false;
    }
  }
  return true;
}

bool is_clean_path(std::string_view path) {
  if (path.empty() || path.front() != '/' || path.size() > 4000) return false;
  std::string_view rest = path.substr(1);
  while (!rest.empty()) {
    std::size_t slash = rest.find('/');
    std::string_view part = rest.substr(0, slash);
    if (part == ".." || part == ".") return false;
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  return true;
}

bool parse_mount(std::string_view text, Mount& mount) {
  std::string_view kind = next_word(text);
  if (kind == "plain_tree") {
    mount.kind = MountKind::plain_tree;
  } else if (kind == "stored_tree") {
    mount.kind = MountKind::stored_tree;
  } else if (kind == "stored_disk") {
    mount.kind = MountKind::stored_disk;
  } else {
    return false;
  }
  std::string_view access = next_word(text);
  if (access != "ro" && access != "rw") return false;
  mount.access = access == "ro" ? Access::read_only : Access::read_write;
  std::uint32_t source_bytes = 0;
  if (!parse_number(next_word(text), source_bytes) || text.size() <= source_bytes) return false;
  mount.source = text.substr(0, source_bytes);
  if (text[source_bytes] != ' ') return false;
  mount.target = text.substr(source_bytes + 1);
  return is_clean_path(mount.source) && is_clean_path(mount.target);
}

bool parse_rlimit(std::string_view text, Rlimit& limit) {
  limit.name = next_word(text);
  return !limit.name.empty() && parse_number(next_word(text), limit.soft) &&
         parse_number(text, limit.hard) && limit.soft <= limit.hard;
}

bool parse_ids(std::string_view text, IdMap& ids) {
  return parse_number(next_word(text), ids.store_base) &&
         parse_number(next_word(text), ids.instance_base) && parse_number(text, ids.size) &&
         ids.size != 0 && ids.store_base != 0 && ids.instance_base != 0 &&
         ids.store_base <= UINT32_MAX - ids.size && ids.instance_base <= UINT32_MAX - ids.size;
}

bool add_path(std::vector<std::string>& list, std::string value, std::size_t limit) {
  if (!is_clean_path(value) || list.size() >= limit) return false;
  list.push_back(std::move(value));
  return true;
}

bool add_text(std::vector<std::string>& list, std::string value) {
  if (list.size() >= kSpecList) return false;
  list.push_back(std::move(value));
  return true;
}

bool add_number(std::vector<std::uint32_t>& list, std::string_view value) {
  if (list.size() >= kSpecList) return false;
  return parse_number(value, list.emplace_back());
}

bool set_path(std::string& out, std::string value) {
  if (!is_clean_path(value)) return false;
  out = std::move(value);
  return true;
}

bool set_name(std::string& out, std::string value) {
  if (value.empty() || value.size() > 255) return false;
  for (char c : value) {
    if (c <= ' ' || c == 0x7f) return false;
  }
  out = std::move(value);
  return true;
}

// A guid names files and directories: nothing that could be a path.
bool set_guid(std::string& out, std::string value) {
  for (char c : value) {
    bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    if (!plain) return false;
  }
  return set_name(out, std::move(value));
}

bool set_bounded(std::string& out, std::string value, std::size_t limit) {
  if (value.size() > limit) return false;
  out = std::move(value);
  return true;
}

enum class Taken { yes, bad_value, unknown_key };
Taken taken(bool good) { return good ? Taken::yes : Taken::bad_value; }

Taken take_list(ShimSpec& spec, std::string_view key, std::string value) {
  if (key == "lower") return taken(add_path(spec.lowers, std::move(value), kLowers));
  if (key == "own_dir") return taken(add_path(spec.own_dirs, std::move(value), kSpecList));
  if (key == "mount") {
    return taken(spec.mounts.size() < kSpecList && parse_mount(value, spec.mounts.emplace_back()));
  }
  if (key == "rlimit") {
    return taken(spec.rlimits.size() < 32 && parse_rlimit(value, spec.rlimits.emplace_back()));
  }
  if (key == "group") return taken(add_number(spec.groups, value));
  if (key == "shim_group") return taken(add_number(spec.owners.shim_groups, value));
  if (key == "arg") return taken(add_text(spec.argv, std::move(value)));
  if (key == "env") {
    bool good = value.find('=') != std::string::npos && value.front() != '=';
    return taken(good && add_text(spec.env, std::move(value)));
  }
  return Taken::unknown_key;
}

Taken take_owner(Owners& owners, std::string_view key, std::string_view value) {
  if (key == "shim_uid") return taken(parse_number(value, owners.shim_uid) && owners.shim_uid != 0);
  if (key == "shim_gid") return taken(parse_number(value, owners.shim_gid) && owners.shim_gid != 0);
  if (key == "server_uid") return taken(parse_number(value, owners.server_uid));
  if (key == "server_gid") return taken(parse_number(value, owners.server_gid));
  if (key == "router_uid") return taken(parse_number(value, owners.router_uid));
  if (key == "router_gid") return taken(parse_number(value, owners.router_gid));
  return Taken::unknown_key;
}

Taken take_cgroup(Cgroups& cgroups, std::string_view key, std::string value) {
  if (key == "cgroup_version") {
    return taken(parse_number(value, cgroups.version) &&
                 (cgroups.version == 1 || cgroups.version == 2));
  }
  if (key == "cgroup_unified") return taken(set_path(cgroups.unified, std::move(value)));
  if (key == "cgroup_freezer") return taken(set_path(cgroups.freezer, std::move(value)));
  if (key == "cgroup_memory") return taken(set_path(cgroups.memory, std::move(value)));
  if (key == "cgroup_cpuacct") return taken(set_path(cgroups.cpuacct, std::move(value)));
  if (key == "cgroup_pids") return taken(set_path(cgroups.pids, std::move(value)));
  return Taken::unknown_key;
}

Taken take_app(ShimSpec& spec, std::string_view key, std::string value) {
  if (key == "uid") return taken(parse_number(value, spec.uid) && spec.uid != 0);
  if (key == "gid") return taken(parse_number(value, spec.gid) && spec.gid != 0);
  if (key == "cwd") return taken(set_path(spec.cwd, std::move(value)));
  if (key == "port") return taken(parse_number(value, spec.port));
  if (key == "grace_ms") return taken(parse_number(value, spec.grace_ms));
  if (key == "stop_signal") {
    return taken(parse_number(value, spec.stop_signal) && spec.stop_signal > 0 &&
                 spec.stop_signal < 65);
  }
  if (key == "resolv_conf") return taken(set_bounded(spec.resolv_conf, std::move(value), 16384));
  if (key == "hosts") return taken(set_bounded(spec.hosts, std::move(value), 16384));
  if (key == "hostname") return taken(set_bounded(spec.hostname, std::move(value), 255));
  return Taken::unknown_key;
}

Taken take_scalar(ShimSpec& spec, std::string_view key, std::string value) {
  if (key == "guid") return taken(set_guid(spec.guid, std::move(value)));
  if (key == "app_guid") return taken(set_guid(spec.app_guid, std::move(value)));
  if (key == "index") return taken(parse_number(value, spec.index));
  if (key == "kind") {
    spec.kind = value == "build" ? Kind::build : Kind::app;
    return taken(value == "build" || value == "app");
  }
  if (key == "log_source") return taken(set_name(spec.log_source, std::move(value)));
  if (key == "log_dir") return taken(set_path(spec.log_dir, std::move(value)));
  if (key == "crun") return taken(set_path(spec.crun, std::move(value)));
  if (key == "disk_image") return taken(set_path(spec.disk_image, std::move(value)));
  if (key == "ids") return taken(parse_ids(value, spec.ids));
  Taken result = take_app(spec, key, value);
  if (result == Taken::unknown_key) result = take_owner(spec.owners, key, value);
  if (result == Taken::unknown_key) result = take_cgroup(spec.cgroups, key, std::move(value));
  return result;
}

std::string missing(const ShimSpec& spec) {
  if (spec.guid.empty()) return "guid";
  if (spec.app_guid.empty()) return "app_guid";
  if (spec.log_source.empty()) return "log_source";
  if (spec.log_dir.empty()) return "log_dir";
  if (spec.lowers.empty()) return "lower";
  if (spec.disk_image.empty()) return "disk_image";
  if (spec.ids.size == 0) return "ids";
  if (spec.argv.empty() || spec.argv.front().empty()) return "arg";
  if (spec.owners.shim_uid == 0) return "shim_uid";
  if (spec.owners.shim_gid == 0) return "shim_gid";
  const Cgroups& c = spec.cgroups;
  if (c.version == 2) return c.unified.empty() ? "cgroup_unified" : "";
  if (c.freezer.empty()) return "cgroup_freezer";
  if (c.memory.empty()) return "cgroup_memory";
  if (c.cpuacct.empty()) return "cgroup_cpuacct";
  if (c.pids.empty()) return "cgroup_pids";
  return "";
}

std::unexpected<std::string> wrong(std::size_t line, std::string_view what, std::string_view key) {
  std::string text = "shim.spec line " + std::to_string(line) + ": ";
  text.append(what).append(" \"").append(key.substr(0, 64)).append("\"");
  return std::unexpected(std::move(text));
}

}  // namespace

std::expected<ShimSpec, std::string> parse(std::string_view text) {
  if (text.size() > kSpecBytes) return std::unexpected("shim.spec is larger than 160 KiB");
  ShimSpec spec;
  std::vector<std::string_view> seen;
  std::size_t line_number = 0;
  bool ended = false;
  while (!text.empty()) {
    std::size_t end = text.find('\n');
    ++line_number;
    if (end == std::string_view::npos) return wrong(line_number, "no end of line after", text);
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (ended) return wrong(line_number, "text after the end:", line);
    if (line_number == 1) {
      if (line != kSpecFirstLine) return wrong(1, "expected \"nuri-shim-spec 1\", found", line);
      continue;
    }
    if (line == kSpecLastLine) {
      ended = true;
      continue;
    }
    std::string_view key = next_word(line);
    std::string value;
    if (!unescape(line, value)) return wrong(line_number, "broken escape in the value of", key);
    Taken result = take_list(spec, key, value);
    if (result == Taken::unknown_key) {
      for (std::string_view earlier : seen) {
        if (earlier == key) return wrong(line_number, "given twice:", key);
      }
      seen.push_back(key);
      result = take_scalar(spec, key, std::move(value));
    }
    if (result == Taken::unknown_key) return wrong(line_number, "unknown key", key);
    if (result == Taken::bad_value) return wrong(line_number, "bad value for", key);
  }
  if (!ended) return wrong(line_number, "cut short: no line", kSpecLastLine);
  std::string absent = missing(spec);
  if (!absent.empty()) return wrong(line_number, "required key is missing:", absent);
  return spec;
}

}  // namespace nuri::shim
