#pragma once

// The routes as one worker serves them. Each worker has its own, changed only between requests on
// its own loop: no lock, no shared memory, and a change costs what changed. One loop's thread.

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "router/route_edge.h"
#include "router/route_gate.h"
#include "router/table_change.h"
#include "router/upstream.h"

namespace nuri::router {

// Instances that a request did not succeed at.
using Tried = std::vector<std::shared_ptr<Upstream>>;

// One entry, ready to serve. Instances of one weight are a class: classes take turns so that each
// gets its share exactly (smooth weighted round robin); inside a class the instance with the least
// requests in flight is next, and equals take turns.
struct Route {
  struct Class {
    int weight = 1;  // of each of them
    std::vector<std::shared_ptr<Upstream>> upstreams;
    std::size_t next = 0;        // where equals take turns
    std::int64_t credit = 0;     // smooth weighted round robin's
    std::size_t candidates = 0;  // of the pick under way
  };
  std::string path;
  std::string app;
  std::vector<Class> classes;
  // Goes on when the entry is put anew for the same app.
  std::shared_ptr<RouteCounters> counters = std::make_shared<RouteCounters>();
  // The same. Never null.
  std::shared_ptr<RouteGate> gate;
  bool wakes = false;  // its requests wait while there is no instance
  // Its settings; null: none are set. Goes on while they stay the same.
  std::shared_ptr<RouteEdge> edge;

  // The instance for a request, of those that can be used and are not in `tried`; if all are left
  // alone for their failures, one of these. Null if there is none. `sticky`: the id of the one that
  // is preferred. `hash_value`: what Balance::hash goes by; empty: the request has none.
  std::shared_ptr<Upstream> pick(const Tried& tried, Time now, std::string_view sticky = {},
                                 std::string_view hash_value = {});
  // Whether an instance that is not in `tried` could be used but for the limit of its requests.
  bool full(const Tried& tried) const;
};

class RouteTable {
 public:
  // `limits`: shared by all workers; `worker`: this one's number.
  explicit RouteTable(async::Loop& loop,
                      std::shared_ptr<LimitBook> limits = std::make_shared<LimitBook>(),
                      std::size_t worker = 0)
      : loop_(loop), limits_(std::move(limits)), worker_(worker) {}

  void apply(const TableChange& change);
  // Drops everything: a loop cannot end while connections are kept.
  void clear();
  // Once a second: closes connections that nobody uses.
  void tick(Time now);

  // The route for a request: the host (lower case, no port) or its nearest wildcard, then the
  // longest path of which `path` is at or below. Null if there is none.
  std::shared_ptr<Route> find(std::string_view host, std::string_view path) const;

  // What answers a request for `path_query`: the key authorization, if that is the path of a
  // challenge's token; else null. Until the next apply().
  const std::string* challenge(std::string_view path_query) const {
    return challenges_.empty() ? nullptr : find_challenge(path_query);
  }

  // Those with this id, also when only requests in flight still use them.
  std::vector<std::shared_ptr<Upstream>> upstreams(const std::string& id) const;
  std::size_t size() const { return entries_; }

  void note_unknown() { ++unknown_; }
  // Of what was asked for at least once.
  Counted counted() const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  const std::string* find_challenge(std::string_view path_query) const;
  std::shared_ptr<Route> find_host(std::string_view host, std::string_view path) const;
  std::shared_ptr<Route> route_of(const RouteKey& key) const;  // null: there is none
  std::shared_ptr<Upstream> upstream_of(const model::Upstream& spec);
  void put(const model::RouteEntry& entry);
  void remove(const RouteKey& key);

  void limit_instances(Route& route, const model::RouteEntry& entry) const;
  std::shared_ptr<RouteGate> gate_of(const model::RouteEntry& entry, const Route* old) const;

  async::Loop& loop_;
  std::shared_ptr<LimitBook> limits_;
  std::size_t worker_;
  // Of a host: longest path first.
  std::unordered_map<std::string, std::vector<std::shared_ptr<Route>>, Hash, std::equal_to<>>
      hosts_;
  std::multimap<std::string, std::weak_ptr<Upstream>> upstreams_;  // by id
  std::map<std::string, std::string, std::less<>> challenges_;     // token → authorization
  std::size_t entries_ = 0;
  std::uint64_t unknown_ = 0;
};

// "Example.COM:8080" → "example.com"; the port and a trailing dot go.
std::string host_of(std::string_view authority);

}  // namespace nuri::router
