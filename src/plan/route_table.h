#pragma once

// The route table that follows from the rows. Pure.

#include <functional>
#include <vector>

#include "model/app.h"
#include "model/instance.h"
#include "model/route_table.h"
#include "model/routing.h"

namespace nuri::plan {

struct RouteRows {
  std::vector<model::Domain> domains;
  std::vector<model::Route> routes;
  std::vector<model::Destination> destinations;
  std::vector<model::Process> processes;
  std::vector<model::Instance> instances;  // the routable ones suffice
};

// Sorted by host and path; a route's options are its entry's settings, and its domain may add
// https_redirect. `upstream` names the address
// of an instance's port (0: its own). HTTP routes only. A route whose destinations have no routable
// instance is there without upstreams.
std::vector<model::RouteEntry> route_table(
    const RouteRows& rows,
    const std::function<std::string(const InstanceGuid&, int port)>& upstream);

}  // namespace nuri::plan
