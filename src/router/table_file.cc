#include "router/table_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "base/limits.h"
#include "net/certificate.h"
#include "router/route_table.h"
#include "router/tcp_route.h"

namespace nuri::router {
namespace {

constexpr std::uintmax_t kBytes = 256u << 20;

// By hand one mistypes: what the wire would pass over is an error here.
void require_known(const json::object& o, std::initializer_list<std::string_view> known) {
  for (const auto& [key, value] : o)
    if (std::ranges::find(known, std::string_view(key)) == known.end())
      throw Error(Code::unprocessable, fmt::format("there is no '{}' here; known are {}",
                                                   std::string_view(key), fmt::join(known, ", ")));
}

model::RouteEntry entry_of(const json::value& value) {
  if (!value.is_object()) throw Error(Code::unprocessable, "a route must be an object");
  const json::object& o = value.get_object();
  require_known(o, {"host", "path", "app", "upstreams", "settings", "wakes"});
  if (const auto* upstreams = json::find_array(o, "upstreams"))
    for (const auto& upstream : *upstreams)
      if (upstream.is_object())
        require_known(upstream.get_object(),
                      {"id", "address", "port", "index", "weight", "protocol"});
  model::RouteEntry entry = parse_entry(o, model::UnknownKeys::refused);
  const bool tcp = tcp_port_of(entry.host).has_value();
  if (!tcp && (entry.host.empty() || host_of(entry.host) != entry.host))
    throw Error(
        Code::unprocessable,
        fmt::format("'{}' is no host: lower case, without a port; or :PORT from 1024 for TCP",
                    entry.host));
  if (tcp && !entry.path.empty()) throw Error(Code::unprocessable, "a TCP route has no path");
  if (!entry.path.empty() && (!entry.path.starts_with('/') || entry.path.ends_with('/')))
    throw Error(Code::unprocessable,
                fmt::format("'{}' is no path: empty, or as in /api", entry.path));
  return entry;
}

TableFile::CertificateFiles certificate_of(const json::value& value) {
  if (!value.is_object()) throw Error(Code::unprocessable, "a certificate must be an object");
  const json::object& o = value.get_object();
  require_known(o, {"chain", "key"});
  return {json::require_string(o, "chain"), json::require_string(o, "key")};
}

}  // namespace

TableFile parse_table_file(std::string_view text) {
  const json::object file = json::parse_object(text);
  require_known(file, {"routes", "certificates"});
  TableFile out;
  if (const auto* certificates = json::find_array(file, "certificates"))
    for (const auto& value : *certificates) out.certificates.push_back(certificate_of(value));
  std::size_t number = 0;
  for (const auto& value : json::require_array(file, "routes")) {
    ++number;
    try {
      model::RouteEntry entry = entry_of(value);
      const RouteKey key = key_of(entry);
      if (!out.routes.emplace(key, std::move(entry)).second)
        throw Error(Code::unprocessable, fmt::format("{}{} is there already", key.host, key.path));
    } catch (const Error& error) {
      throw error.within(fmt::format("route {}", number));
    }
  }
  return out;
}

namespace {

std::string text_of(const std::string& path, std::uintmax_t limit) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw system_error(fmt::format("reading {}", path), errno);
  std::string text;
  std::vector<char> piece(1u << 16);
  while (file.read(piece.data(), static_cast<std::streamsize>(piece.size())), file.gcount() > 0) {
    text.append(piece.data(), static_cast<std::size_t>(file.gcount()));
    if (text.size() > limit)
      throw Error(Code::too_large, fmt::format("{} has more than {} KiB", path, limit >> 10));
  }
  if (file.bad()) throw system_error(fmt::format("reading {}", path), errno);
  return text;
}

// What a certificate's files hold; its hosts are still to be found.
std::shared_ptr<const net::Certificate> read_certificate(const TableFile::CertificateFiles& files,
                                                         model::TableCertificate& into) {
  into.id = files.chain;
  into.chain = text_of(files.chain, limits::kPemBytes);
  into.key = text_of(files.key, limits::kPemBytes);
  try {
    return net::Certificate::parse(into.chain, into.key);
  } catch (const Error& error) {
    throw error.within(files.chain);
  }
}

std::map<std::string, model::TableCertificate> read_certificates(
    const std::vector<TableFile::CertificateFiles>& files, const std::filesystem::path& folder) {
  std::map<std::string, model::TableCertificate> out;
  std::set<std::string> taken;
  for (const auto& one : files) {
    model::TableCertificate told;
    const auto certificate = read_certificate({folder / one.chain, folder / one.key}, told);
    for (const auto& name : certificate->names())
      if (taken.insert(name).second) told.hosts.push_back(name);
    if (taken.insert("").second) told.hosts.emplace_back();
    if (!told.hosts.empty()) out.emplace(told.id, std::move(told));
  }
  return out;
}

}  // namespace

Table read_table_file(const std::string& path) {
  const std::string text = text_of(path, kBytes);
  try {
    TableFile file = parse_table_file(text);
    return {.routes = std::move(file.routes),
            .certificates =
                read_certificates(file.certificates, std::filesystem::path(path).parent_path()),
            .challenges = {}};
  } catch (const Error& error) {
    throw error.within(path);
  }
}

}  // namespace nuri::router
