#pragma once

// What a route asks of the router besides being served: how instances are chosen, what is answered
// at the edge, limits and deadlines. A value; its JSON is the route's `options` in the API and in
// manifests, and `settings` in the route table (docs/formats/route_table.md, Settings).

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "model/fields.h"
#include "model/ip_range.h"

namespace nuri::model {

enum class Balance { least_outstanding, round_robin, hash };
constexpr auto enum_names(Balance) {
  return std::array<std::string_view, 3>{"least-connection", "round-robin", "hash"};
}

// Everybody but `bypass` gets a 503 page.
struct Maintenance {
  std::string text;  // shown as text or JSON, if there is no html
  std::string html;
  int retry_after_s = 120;
  std::vector<IpRange> bypass;
  friend bool operator==(const Maintenance&, const Maintenance&) = default;
};

struct BasicAuth {
  std::string realm = "restricted";
  std::map<std::string, std::string> users;  // name → hash: argon2id or of crypt(3)
  friend bool operator==(const BasicAuth&, const BasicAuth&) = default;
};

struct Compression {
  std::vector<std::string> types;  // "text/html", "text/*"; empty: the router's own list
  std::uint64_t min_bytes = 1024;  // of an answer whose length is known
  friend bool operator==(const Compression&, const Compression&) = default;
};

struct HeaderEdits {
  std::map<std::string, std::string> set;  // in the place of every one of that name
  std::vector<std::string> remove;
  bool empty() const { return set.empty() && remove.empty(); }
  friend bool operator==(const HeaderEdits&, const HeaderEdits&) = default;
};

// Nullopt: as the router has it.
struct RouteDeadlines {
  std::optional<Duration> head;       // for the rest of an answer's head
  std::optional<Duration> idle;       // for the client's next request on its connection
  std::optional<Duration> answer;     // for the answer to begin, and each next piece of it
  std::optional<Duration> body_idle;  // for each next piece to or from the client
  std::optional<Duration> request;    // for all of it; upgraded connections have none
  friend bool operator==(const RouteDeadlines&, const RouteDeadlines&) = default;
};

// Of requests in flight; 0: none.
struct MaxOutstanding {
  int instance = 0;
  int route = 0;
  friend bool operator==(const MaxOutstanding&, const MaxOutstanding&) = default;
};

// Where requests wait that MaxOutstanding holds back. Nullopt: as the router has it.
struct WaitingLine {
  std::optional<int> length;
  std::optional<Duration> wait;
  friend bool operator==(const WaitingLine&, const WaitingLine&) = default;
};

struct RouteSettings {
  Balance balance = Balance::least_outstanding;
  std::string hash_header;  // hash only
  double hash_balance =
      0;  // an instance with that many times the mean in flight is passed over; 0: no
  std::vector<std::string> session_cookies;  // that are sticky, besides JSESSIONID
  bool https_redirect = false;
  std::string canonical_host;  // empty: none
  std::optional<Maintenance> maintenance;
  std::optional<BasicAuth> basic_auth;
  std::vector<IpRange> allow, deny;                // allow empty: everybody; deny counts more
  std::map<std::string, std::string> error_pages;  // "404", "5xx" → HTML; the router's own errors
  std::uint64_t body_limit = 0;                    // of a request's content; 0: none
  std::optional<Compression> compress;
  HeaderEdits response_headers;
  RouteDeadlines deadlines;
  MaxOutstanding max_outstanding;
  WaitingLine queue;
  friend bool operator==(const RouteSettings&, const RouteSettings&) = default;
};

enum class UnknownKeys { refused, ignored };
// Throws Error{unprocessable} "Options deadlines.answer: …" naming the field. null means missing;
// numbers, true and false may be texts, lists texts with commas: command lines send these.
RouteSettings parse_route_settings(const json::object& text, UnknownKeys unknown);
// What parse_route_settings takes; only what is not the default.
json::object route_settings_json(const RouteSettings& settings);
// As parse_route_settings does by itself: for settings that were made in another way.
void validate(const RouteSettings& settings);

}  // namespace nuri::model
