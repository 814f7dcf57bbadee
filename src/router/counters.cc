#include "router/counters.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <numeric>
#include <tuple>

namespace nuri::router {
namespace {

double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

// Of a label: backslash, quote and line feed are escaped.
std::string quoted(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

class Text {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    fmt::format_to(std::back_inserter(out_), "# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
  }
  template <class Value>
  void sample(std::string_view name, std::string_view labels, Value value) {
    if (labels.empty())
      fmt::format_to(std::back_inserter(out_), "{} {}\n", name, value);
    else
      fmt::format_to(std::back_inserter(out_), "{}{{{}}} {}\n", name, labels, value);
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

std::string labels_of(const Counted::OfRoute& route) {
  return fmt::format("host=\"{}\",path=\"{}\",app=\"{}\"", quoted(route.host), quoted(route.path),
                     quoted(route.app));
}

std::string labels_of(const Counted::OfInstance& one) {
  return fmt::format("app=\"{}\",index=\"{}\",instance=\"{}\"", quoted(one.app), one.index,
                     quoted(one.id));
}

void write_answers(Text& text, const Counted& counted) {
  text.family("nuri_router_requests_total", "counter", "Requests answered, by class of status");
  for (const auto& route : counted.routes)
    for (std::size_t n = 0; n < route.counters.answers.size(); ++n)
      if (route.counters.answers[n])
        text.sample("nuri_router_requests_total",
                    fmt::format("{},code=\"{}xx\"", labels_of(route), n + 1),
                    route.counters.answers[n]);
}

void write_latencies(Text& text, const Counted& counted) {
  constexpr std::string_view kName = "nuri_router_request_duration_seconds";
  text.family(kName, "histogram", "From the end of a request's head to the end of its answer");
  for (const auto& route : counted.routes) {
    const Latencies& all = route.counters.latencies;
    const std::string labels = labels_of(route);
    std::uint64_t below = 0;
    for (std::size_t n = 0; n < all.counts.size(); ++n) {
      below += all.counts[n];
      const std::string bound = n < Latencies::kBounds.size()
                                    ? fmt::format("{}", seconds(Latencies::kBounds[n]))
                                    : "+Inf";
      text.sample(fmt::format("{}_bucket", kName), fmt::format("{},le=\"{}\"", labels, bound),
                  below);
    }
    text.sample(fmt::format("{}_sum", kName), labels, seconds(all.total));
    text.sample(fmt::format("{}_count", kName), labels, below);
  }
}

template <class Of, class Value>
void write_each(Text& text, std::string_view name, std::string_view type, std::string_view help,
                const std::vector<Of>& all, Value value) {
  text.family(name, type, help);
  for (const auto& one : all) text.sample(name, labels_of(one), value(one.counters));
}

}  // namespace

void Latencies::add(Duration took) {
  const auto at = std::ranges::lower_bound(kBounds, took);
  ++counts[static_cast<std::size_t>(at - kBounds.begin())];
  total += took;
}

void Latencies::add(const Latencies& other) {
  for (std::size_t n = 0; n < counts.size(); ++n) counts[n] += other.counts[n];
  total += other.total;
}

std::uint64_t RouteCounters::requests() const {
  return std::accumulate(answers.begin(), answers.end(), std::uint64_t{0});
}

void RouteCounters::add(const RouteCounters& other) {
  for (std::size_t n = 0; n < answers.size(); ++n) answers[n] += other.answers[n];
  own_errors += other.own_errors;
  retries += other.retries;
  queued += other.queued;
  parked += other.parked;
  turned_away += other.turned_away;
  received_bytes += other.received_bytes;
  sent_bytes += other.sent_bytes;
  in_flight += other.in_flight;
  latencies.add(other.latencies);
}

void InstanceCounters::add(const InstanceCounters& other) {
  requests += other.requests;
  failures += other.failures;
  ejections += other.ejections;
  in_flight += other.in_flight;
}

Counted sum_of(const std::vector<Counted>& all) {
  std::map<std::tuple<std::string, std::string, std::string>, RouteCounters> routes;
  std::map<std::tuple<std::string, int, std::string>, InstanceCounters> instances;
  Counted out;
  for (const Counted& one : all) {
    out.unknown_routes += one.unknown_routes;
    out.held_bytes += one.held_bytes;
    for (const auto& route : one.routes)
      routes[{route.host, route.path, route.app}].add(route.counters);
    for (const auto& instance : one.instances)
      instances[{instance.app, instance.index, instance.id}].add(instance.counters);
  }
  for (const auto& [key, counters] : routes)
    out.routes.push_back({std::get<0>(key), std::get<1>(key), std::get<2>(key), counters});
  for (const auto& [key, counters] : instances)
    out.instances.push_back({std::get<2>(key), std::get<0>(key), std::get<1>(key), counters});
  return out;
}

std::string prometheus_text(const Counted& counted) {
  Text text;
  using R = RouteCounters;
  using I = InstanceCounters;
  write_answers(text, counted);
  write_latencies(text, counted);
  write_each(text, "nuri_router_requests_in_flight", "gauge", "Requests without an answer yet",
             counted.routes, [](const R& c) { return c.in_flight; });
  write_each(text, "nuri_router_errors_total", "counter", "Answers of the router's own",
             counted.routes, [](const R& c) { return c.own_errors; });
  write_each(text, "nuri_router_retries_total", "counter", "Tries of one more instance",
             counted.routes, [](const R& c) { return c.retries; });
  write_each(text, "nuri_router_queued_total", "counter", "Requests that waited for a free slot",
             counted.routes, [](const R& c) { return c.queued; });
  write_each(text, "nuri_router_parked_total", "counter", "Requests that waited for an instance",
             counted.routes, [](const R& c) { return c.parked; });
  write_each(text, "nuri_router_turned_away_total", "counter",
             "Requests that could not wait, or waited in vain", counted.routes,
             [](const R& c) { return c.turned_away; });
  write_each(text, "nuri_router_received_bytes_total", "counter", "Content of requests",
             counted.routes, [](const R& c) { return c.received_bytes; });
  write_each(text, "nuri_router_sent_bytes_total", "counter", "Content of answers", counted.routes,
             [](const R& c) { return c.sent_bytes; });
  write_each(text, "nuri_router_instance_requests_total", "counter", "Requests given to it",
             counted.instances, [](const I& c) { return c.requests; });
  write_each(text, "nuri_router_instance_failures_total", "counter",
             "Times it was not reached or gave no good answer", counted.instances,
             [](const I& c) { return c.failures; });
  write_each(text, "nuri_router_instance_ejections_total", "counter",
             "Times it was left alone for its failures", counted.instances,
             [](const I& c) { return c.ejections; });
  write_each(text, "nuri_router_instance_requests_in_flight", "gauge", "Requests it works on",
             counted.instances, [](const I& c) { return c.in_flight; });
  text.family("nuri_router_unknown_routes_total", "counter",
              "Requests for hosts and paths that no app is served under");
  text.sample("nuri_router_unknown_routes_total", "", counted.unknown_routes);
  text.family("nuri_router_held_bytes", "gauge", "Content that slow peers have not taken yet");
  text.sample("nuri_router_held_bytes", "", counted.held_bytes);
  return text.take();
}

}  // namespace nuri::router
