#pragma once

// The routes as one worker serves them. Each worker has its own, changed only between requests on
// its own loop: no lock, no shared memory, and a change costs what changed. One loop's thread.

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "router/table_change.h"
#include "router/upstream.h"

namespace nuri::router {

struct Route {
  model::RouteEntry entry;
  std::vector<std::shared_ptr<Upstream>> upstreams;
  std::size_t next = 0;  // where equal upstreams take turns
};

class RouteTable {
 public:
  RouteTable(async::Loop& loop, async::TaskGroup& group) : loop_(loop), group_(group) {}

  void apply(const TableChange& change);

  // The route for a request: the host (lower case, no port) or its nearest wildcard, then the
  // longest path of which `path` is at or below. Null if there is none.
  std::shared_ptr<Route> find(std::string_view host, std::string_view path) const;
  // The instance with the least outstanding requests for its weight, of those that can be used and
  // are not in `tried`; null if there is none.
  static std::shared_ptr<Upstream> pick(Route& route, const std::vector<const Upstream*>& tried,
                                        Time now);

  // Those with this id, also when only requests in flight still use them.
  std::vector<std::shared_ptr<Upstream>> upstreams(const std::string& id) const;
  std::size_t size() const { return entries_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  std::shared_ptr<Route> find_host(std::string_view host, std::string_view path) const;
  void put(const model::RouteEntry& entry);
  void remove(const RouteKey& key);

  async::Loop& loop_;
  async::TaskGroup& group_;
  // Of a host: longest path first.
  std::unordered_map<std::string, std::vector<std::shared_ptr<Route>>, Hash, std::equal_to<>>
      hosts_;
  std::map<std::pair<std::string, int>, std::weak_ptr<Upstream>> upstreams_;  // by id and port
  std::size_t entries_ = 0;
};

// "Example.COM:8080" → "example.com"; the port and a trailing dot go.
std::string host_of(std::string_view authority);

}  // namespace nuri::router
