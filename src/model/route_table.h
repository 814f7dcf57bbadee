#pragma once

// The route table as the router is told it: values, ready to serve. docs/formats/route_table.md is
// its form on the wire and on disk.

#include <memory>
#include <string>
#include <vector>

#include "model/guids.h"
#include "model/route_settings.h"
#include "model/routing.h"

namespace nuri::model {

// One instance that answers for a route.
struct Upstream {
  std::string id;       // the instance's guid
  std::string address;  // "door:/run/nuri/R/i/GUID/door.sock" (a shim's door) or "127.0.0.1:8080"
  int port = 0;         // the app's port behind a door; 0: the instance's own
  int index = 0;        // of the instance: in access logs
  int weight = 1;       // relative, of this upstream
  DestinationProtocol protocol = DestinationProtocol::http1;
  friend bool operator==(const Upstream&, const Upstream&) = default;
};

// What is asked for under a host and below a path. Unique by (host, path).
struct RouteEntry {
  std::string host;                 // lower case, without port: "a.example.com", or "*.example.com"
  std::string path;                 // empty, or "/api": matches "/api" and below it
  std::string app;                  // the app's guid: whose log gets the access lines
  std::vector<Upstream> upstreams;  // empty: the app has nothing that could answer
  std::shared_ptr<const RouteSettings> settings = nullptr;  // null: nothing is set
  // The app can be woken: its requests wait while it has no instance. False: they are refused.
  bool wakes = false;
  friend bool operator==(const RouteEntry& a, const RouteEntry& b) {
    const bool same_settings =
        a.settings == b.settings || (a.settings && b.settings && *a.settings == *b.settings);
    return same_settings && a.host == b.host && a.path == b.path && a.app == b.app &&
           a.wakes == b.wakes && a.upstreams == b.upstreams;
  }
};

// A chain and its key, which the router shows to clients that ask for one of `hosts`. Unique by id;
// no two have a host in common.
struct TableCertificate {
  std::string id;
  std::vector<std::string> hosts;  // "a.example.com", "*.example.com"; "": who asks for no other
  std::string chain;               // PEM, as its key
  std::string key;
  friend bool operator==(const TableCertificate&, const TableCertificate&) = default;
};

// What proves to an authority that a name leads here: the answer to
// GET /.well-known/acme-challenge/TOKEN under every host (RFC 8555 section 8.3).
struct TableChallenge {
  std::string token;
  std::string authorization;
  friend bool operator==(const TableChallenge&, const TableChallenge&) = default;
};

// All that a router serves.
struct RouteTable {
  std::vector<RouteEntry> routes;
  std::vector<TableCertificate> certificates;
  std::vector<TableChallenge> challenges;
};

}  // namespace nuri::model
