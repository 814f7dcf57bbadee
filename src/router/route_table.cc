#include "router/route_table.h"

#include <algorithm>
#include <climits>

namespace nuri::router {
namespace {

bool at_or_below(std::string_view path, std::string_view prefix) {
  if (!path.starts_with(prefix)) return false;
  return prefix.empty() || prefix.back() == '/' || path.size() == prefix.size() ||
         path[prefix.size()] == '/';
}

}  // namespace

std::string host_of(std::string_view authority) {
  std::string_view host = authority;
  if (host.starts_with('[')) {
    host = host.substr(0, host.find(']') + 1);
  } else if (const auto colon = host.rfind(':'); colon != host.npos) {
    host = host.substr(0, colon);
  }
  if (host.ends_with('.')) host.remove_suffix(1);
  std::string out(host);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

void RouteTable::apply(const TableChange& change) {
  for (const auto& key : change.remove) remove(key);
  for (const auto& entry : change.put) put(entry);
}

void RouteTable::put(const model::RouteEntry& entry) {
  remove(key_of(entry));
  auto route = std::make_shared<Route>();
  route->entry = entry;
  for (const auto& spec : entry.upstreams) {
    auto& known = upstreams_[{spec.id, spec.port}];
    auto upstream = known.lock();
    if (!upstream || !(upstream->spec() == spec)) {
      upstream = std::make_shared<Upstream>(loop_, group_, spec);
      known = upstream;
    }
    route->upstreams.push_back(std::move(upstream));
  }
  auto& routes = hosts_[entry.host];
  const auto place = std::find_if(routes.begin(), routes.end(), [&](const auto& other) {
    return other->entry.path.size() <= entry.path.size();
  });
  routes.insert(place, std::move(route));
  ++entries_;
}

void RouteTable::remove(const RouteKey& key) {
  const auto host = hosts_.find(key.host);
  if (host == hosts_.end()) return;
  auto& routes = host->second;
  const auto it = std::find_if(routes.begin(), routes.end(),
                               [&](const auto& route) { return route->entry.path == key.path; });
  if (it == routes.end()) return;
  std::vector<std::pair<std::string, int>> ids;
  for (const auto& upstream : (*it)->upstreams)
    ids.emplace_back(upstream->spec().id, upstream->spec().port);
  routes.erase(it);
  --entries_;
  if (routes.empty()) hosts_.erase(host);
  // Those that requests in flight still use stay known; the next change of their route forgets
  // them.
  for (const auto& id : ids)
    if (const auto known = upstreams_.find(id);
        known != upstreams_.end() && known->second.expired())
      upstreams_.erase(known);
}

std::shared_ptr<Route> RouteTable::find_host(std::string_view host, std::string_view path) const {
  const auto found = hosts_.find(host);
  if (found == hosts_.end()) return nullptr;
  for (const auto& route : found->second)
    if (at_or_below(path, route->entry.path)) return route;
  return nullptr;
}

std::shared_ptr<Route> RouteTable::find(std::string_view host, std::string_view path) const {
  path = path.substr(0, path.find('?'));
  if (auto route = find_host(host, path)) return route;
  for (auto dot = host.find('.'); dot != host.npos; dot = host.find('.', dot + 1)) {
    const std::string wildcard = "*" + std::string(host.substr(dot));
    if (auto route = find_host(wildcard, path)) return route;
  }
  return nullptr;
}

std::shared_ptr<Upstream> RouteTable::pick(Route& route, const std::vector<const Upstream*>& tried,
                                           Time now) {
  const std::size_t count = route.upstreams.size();
  std::size_t best = count;
  for (std::size_t n = 0; n < count; ++n) {
    const std::size_t at = (route.next + n) % count;
    const Upstream& candidate = *route.upstreams[at];
    if (!candidate.usable(now) || candidate.spec().weight <= 0 ||
        std::find(tried.begin(), tried.end(), &candidate) != tried.end())
      continue;
    // outstanding/weight compared without division.
    if (best == count || candidate.outstanding() * route.upstreams[best]->spec().weight <
                             route.upstreams[best]->outstanding() * candidate.spec().weight)
      best = at;
  }
  if (best < count) {
    route.next = (best + 1) % count;
    return route.upstreams[best];
  }
  // Everything is banned: better try the least bad than refuse.
  for (const auto& upstream : route.upstreams)
    if (!upstream->gone() && upstream->spec().weight > 0 &&
        std::find(tried.begin(), tried.end(), upstream.get()) == tried.end())
      return upstream;
  return nullptr;
}

std::vector<std::shared_ptr<Upstream>> RouteTable::upstreams(const std::string& id) const {
  std::vector<std::shared_ptr<Upstream>> out;
  for (auto it = upstreams_.lower_bound({id, INT_MIN});
       it != upstreams_.end() && it->first.first == id; ++it)
    if (auto upstream = it->second.lock()) out.push_back(std::move(upstream));
  return out;
}

}  // namespace nuri::router
