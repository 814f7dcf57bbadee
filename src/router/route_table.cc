#include "router/route_table.h"

#include <algorithm>
#include <set>

#include "router/hash_balance.h"

namespace nuri::router {
namespace {

bool at_or_below(std::string_view path, std::string_view prefix) {
  if (!path.starts_with(prefix)) return false;
  return prefix.empty() || prefix.back() == '/' || path.size() == prefix.size() ||
         path[prefix.size()] == '/';
}

enum class Among { usable, all };

bool holds(const Tried& tried, const Upstream& one) {
  return std::ranges::any_of(tried, [&](const auto& other) { return other.get() == &one; });
}

bool can_take(const Upstream& one, const Tried& tried, Time now, Among among) {
  if (one.full() || (among == Among::usable ? !one.usable(now) : one.gone())) return false;
  return !holds(tried, one);
}

// Of one class, the one with the least in flight, or the next one; null if there is none.
std::shared_ptr<Upstream> next_of(Route::Class& of, const Tried& tried, Time now, Among among,
                                  model::Balance balance) {
  const bool by_turn = balance == model::Balance::round_robin;
  const std::size_t count = of.upstreams.size();
  std::size_t best = count;
  of.candidates = 0;
  for (std::size_t n = 0; n < count; ++n) {
    const std::size_t at = of.next + n < count ? of.next + n : of.next + n - count;
    const Upstream& one = *of.upstreams[at];
    if (!can_take(one, tried, now, among)) continue;
    ++of.candidates;
    if (best == count || (!by_turn && one.outstanding() < of.upstreams[best]->outstanding()))
      best = at;
  }
  return best == count ? nullptr : of.upstreams[best];
}

void advance(Route::Class& of, const Upstream& taken) {
  for (std::size_t at = 0; at < of.upstreams.size(); ++at)
    if (of.upstreams[at].get() == &taken) of.next = (at + 1) % of.upstreams.size();
}

// Smooth weighted round robin: each class gains what its candidates weigh, the richest is taken and
// pays for all.
std::shared_ptr<Upstream> pick_among(Route& route, const Tried& tried, Time now, Among among) {
  const auto balance =
      route.edge ? route.edge->settings->balance : model::Balance::least_outstanding;
  Route::Class* richest = nullptr;
  std::shared_ptr<Upstream> best;
  std::int64_t total = 0;
  for (auto& one : route.classes) {
    auto candidate = next_of(one, tried, now, among, balance);
    if (!candidate) continue;
    const auto gain = static_cast<std::int64_t>(one.candidates) * one.weight;
    one.credit += gain;
    total += gain;
    if (richest && richest->credit >= one.credit) continue;
    richest = &one;
    best = std::move(candidate);
  }
  if (!richest) return nullptr;
  richest->credit -= total;
  advance(*richest, *best);
  return best;
}

// The highest score of those that are not overloaded, which is the same one for equal values.
std::shared_ptr<Upstream> pick_by_hash(Route& route, const Tried& tried, Time now, Among among,
                                       std::string_view value) {
  const double factor = route.edge->settings->hash_balance;
  double in_flight = 0, candidates = 0;
  for (const auto& one : route.classes)
    for (const auto& upstream : one.upstreams)
      if (can_take(*upstream, tried, now, among)) {
        in_flight += upstream->outstanding();
        ++candidates;
      }
  std::shared_ptr<Upstream> best;
  double highest = 0;
  for (const auto& one : route.classes)
    for (const auto& upstream : one.upstreams) {
      if (!can_take(*upstream, tried, now, among)) continue;
      const double mean = in_flight / candidates;
      if (factor > 0 && upstream->outstanding() > mean * factor) continue;
      const double score = hash_score(value, upstream->spec().id, one.weight);
      if (best && score <= highest) continue;
      best = upstream;
      highest = score;
    }
  return best;
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

std::shared_ptr<Upstream> Route::pick(const Tried& tried, Time now, std::string_view sticky,
                                      std::string_view hash_value) {
  if (!sticky.empty() && tried.empty())
    for (const auto& one : classes)
      for (const auto& upstream : one.upstreams)
        if (upstream->spec().id == sticky && upstream->usable(now) && !upstream->full())
          return upstream;
  if (!hash_value.empty())
    for (const Among among : {Among::usable, Among::all})
      if (auto hashed = pick_by_hash(*this, tried, now, among, hash_value)) return hashed;
  if (auto usable = pick_among(*this, tried, now, Among::usable)) return usable;
  // Everything is left alone: better try one of them than refuse.
  return pick_among(*this, tried, now, Among::all);
}

bool Route::full(const Tried& tried) const {
  for (const auto& one : classes)
    for (const auto& upstream : one.upstreams)
      if (upstream->full() && !upstream->gone() && !holds(tried, *upstream)) return true;
  return false;
}

void RouteTable::apply(const TableChange& change) {
  for (const auto& key : change.remove) remove(key);
  for (const auto& entry : change.put) put(entry);
  for (const auto& token : change.remove_challenges) challenges_.erase(token);
  for (const auto& one : change.put_challenges) challenges_[one.token] = one.authorization;
}

void RouteTable::clear() {
  hosts_.clear();
  upstreams_.clear();
  entries_ = 0;
}

void RouteTable::tick(Time now) {
  for (auto it = upstreams_.begin(); it != upstreams_.end();) {
    const auto upstream = it->second.lock();
    if (upstream) upstream->prune(now);
    it = upstream ? std::next(it) : upstreams_.erase(it);
  }
}

std::shared_ptr<Upstream> RouteTable::upstream_of(const model::Upstream& spec) {
  const auto [begin, end] = upstreams_.equal_range(spec.id);
  for (auto it = begin; it != end; ++it)
    if (auto known = it->second.lock(); known && known->is(spec)) return known;
  auto made = std::make_shared<Upstream>(loop_, spec);
  upstreams_.emplace(spec.id, made);
  return made;
}

// The new route is made before the old one goes: instances that are in both keep their connections.
void RouteTable::put(const model::RouteEntry& entry) {
  auto route = std::make_shared<Route>();
  route->path = entry.path;
  route->app = entry.app;
  for (const auto& spec : entry.upstreams) {
    if (spec.weight <= 0) continue;
    auto at = std::ranges::find(route->classes, spec.weight, &Route::Class::weight);
    if (at == route->classes.end()) {
      route->classes.emplace_back();
      at = std::prev(route->classes.end());
      at->weight = spec.weight;
    }
    at->upstreams.push_back(upstream_of(spec));
  }
  const auto old = route_of(key_of(entry));
  const bool goes_on = old && old->app == entry.app;
  if (goes_on) route->counters = old->counters;
  route->gate = gate_of(entry, goes_on ? old.get() : nullptr);
  route->wakes = entry.wakes;
  limit_instances(*route, entry);
  if (entry.settings && old && old->edge && *old->edge->settings == *entry.settings)
    route->edge = old->edge;
  else if (entry.settings)
    route->edge = std::make_shared<RouteEdge>(entry.settings);
  remove(key_of(entry));
  auto& routes = hosts_[entry.host];
  const auto place = std::ranges::find_if(
      routes, [&](const auto& other) { return other->path.size() <= entry.path.size(); });
  routes.insert(place, std::move(route));
  ++entries_;
}

std::shared_ptr<RouteGate> RouteTable::gate_of(const model::RouteEntry& entry,
                                               const Route* old) const {
  auto gate = old ? old->gate : std::make_shared<RouteGate>();
  const auto most = entry.settings ? entry.settings->max_outstanding : model::MaxOutstanding{};
  const std::string name = entry.host + entry.path + " " + entry.app;
  gate->worker = worker_;
  gate->limited = most.route > 0 || most.instance > 0;
  gate->slots = most.route > 0 ? limits_->slots(name, most.route) : nullptr;
  if (!gate->limited)
    gate->fairness = nullptr;
  else if (!gate->fairness)
    gate->fairness = limits_->fairness(name);
  return gate;
}

void RouteTable::limit_instances(Route& route, const model::RouteEntry& entry) const {
  const int most = entry.settings ? entry.settings->max_outstanding.instance : 0;
  for (const auto& one : route.classes)
    for (const auto& upstream : one.upstreams)
      upstream->set_slots(most > 0 ? limits_->slots("instance " + upstream->spec().id, most)
                                   : nullptr);
}

void RouteTable::remove(const RouteKey& key) {
  const auto route = route_of(key);
  if (!route) return;
  const auto host = hosts_.find(key.host);
  std::erase(host->second, route);
  --entries_;
  // Who waits looks it up again: what they wait for may be there, or never come.
  route->gate->line.call();
  if (host->second.empty()) hosts_.erase(host);
}

std::shared_ptr<Route> RouteTable::route_of(const RouteKey& key) const {
  const auto host = hosts_.find(key.host);
  if (host == hosts_.end()) return nullptr;
  const auto it = std::ranges::find_if(host->second,
                                       [&](const auto& route) { return route->path == key.path; });
  return it == host->second.end() ? nullptr : *it;
}

Counted RouteTable::counted() const {
  Counted out;
  out.unknown_routes = unknown_;
  std::set<const Upstream*> seen;
  for (const auto& [host, routes] : hosts_)
    for (const auto& route : routes) {
      if (route->counters->requests() > 0 || route->counters->in_flight > 0)
        out.routes.push_back({host, route->path, route->app, *route->counters});
      for (const auto& one : route->classes)
        for (const auto& upstream : one.upstreams)
          if (upstream->counted().requests > 0 && seen.insert(upstream.get()).second)
            out.instances.push_back(
                {upstream->spec().id, route->app, upstream->spec().index, upstream->counted()});
    }
  return out;
}

std::shared_ptr<Route> RouteTable::find_host(std::string_view host, std::string_view path) const {
  const auto found = hosts_.find(host);
  if (found == hosts_.end()) return nullptr;
  for (const auto& route : found->second)
    if (at_or_below(path, route->path)) return route;
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

const std::string* RouteTable::find_challenge(std::string_view path) const {
  // RFC 8555 section 8.3.
  constexpr std::string_view kBelow = "/.well-known/acme-challenge/";
  if (!path.starts_with(kBelow)) return nullptr;
  path = path.substr(0, path.find('?'));
  const auto found = challenges_.find(path.substr(kBelow.size()));
  return found == challenges_.end() ? nullptr : &found->second;
}

std::vector<std::shared_ptr<Upstream>> RouteTable::upstreams(const std::string& id) const {
  std::vector<std::shared_ptr<Upstream>> out;
  const auto [begin, end] = upstreams_.equal_range(id);
  for (auto it = begin; it != end; ++it)
    if (auto upstream = it->second.lock()) out.push_back(std::move(upstream));
  return out;
}

}  // namespace nuri::router
