#pragma once

// Changes of the route table as they travel (server to router) and lie on disk: one JSON text each
// (docs/formats/route_table.md). Pure.

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"
#include "model/route_table.h"

namespace nuri::router {

// What names an entry.
struct RouteKey {
  std::string host, path;
  friend auto operator<=>(const RouteKey&, const RouteKey&) = default;
};
inline RouteKey key_of(const model::RouteEntry& entry) { return {entry.host, entry.path}; }
inline std::string key_of(const model::TableCertificate& certificate) { return certificate.id; }
inline std::string key_of(const model::TableChallenge& challenge) { return challenge.token; }

struct TableChange {
  std::vector<model::RouteEntry> put;  // new, or in the place of the one with its key
  std::vector<RouteKey> remove;
  std::vector<model::TableCertificate> put_certificates = {};
  std::vector<std::string> remove_certificates = {};  // ids
  std::vector<model::TableChallenge> put_challenges = {};
  std::vector<std::string> remove_challenges = {};  // tokens
  bool empty() const {
    return put.empty() && remove.empty() && put_certificates.empty() &&
           remove_certificates.empty() && put_challenges.empty() && remove_challenges.empty();
  }
};

// One entry as it stands in a change. Throws Error{unprocessable} naming what is wrong. `unknown`:
// of its settings.
model::RouteEntry parse_entry(const json::object& entry, model::UnknownKeys unknown);

// What the server says to the router.
struct Begin {};  // a whole table follows: what is not put again by Commit goes
struct Commit {
  std::uint64_t number = 0;  // comes back when all workers serve it and it is on disk
};
struct Drain {
  std::string upstream;  // comes back when no request is in flight to it
};
struct FetchListeners {};
using FeedMessage = std::variant<Begin, TableChange, Commit, Drain, FetchListeners>;

// What the router answers.
struct Committed {
  std::uint64_t number = 0;
};
struct Drained {
  std::string upstream;
};
struct ListenerNames {
  std::vector<std::string> names;  // the descriptors come with the packet, in this order
};
struct Wake {
  std::string app;  // requests wait for it; said again while they do
};
using FeedReply = std::variant<Committed, Drained, ListenerNames, Wake>;

std::string encode(const FeedMessage& message);
std::string encode(const FeedReply& reply);
// Throw Error{bad_request | unprocessable} naming what is wrong.
FeedMessage parse_feed_message(std::string_view text);
FeedReply parse_feed_reply(std::string_view text);

// `change` in pieces whose texts are at most `limit_bytes` each (an entry over it alone is one
// piece).
std::vector<TableChange> split(TableChange change, std::size_t limit_bytes);

}  // namespace nuri::router
