#pragma once

// Weighted rendezvous hashing: each (value, instance) has a score, the highest wins. An instance
// that comes or goes moves only the values that are its own; weights are exact shares
// (Schindelhauer and Schomaker, "Weighted Distributed Hash Tables", 2005). Pure.

#include <string_view>

namespace nuri::router {

// The same in every router, worker and run.
double hash_score(std::string_view value, std::string_view instance, int weight);

}  // namespace nuri::router
