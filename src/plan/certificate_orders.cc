#include "plan/certificate_orders.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/limits.h"
#include "plan/renewal.h"

namespace nuri::plan {
namespace {

constexpr std::size_t kNameBytes = 253;

// Whether an authority can vouch for the name at all.
bool can_be_vouched_for(std::string_view name, const CertificateMeans& means) {
  const std::size_t dot = name.rfind('.');
  if (dot == name.npos || name.size() > kNameBytes) return false;
  if (name.find_first_not_of("0123456789", dot + 1) == name.npos) return false;  // an address
  return means.local_authority || !is_local_name(name);
}

std::string wildcard_over(std::string_view host) {
  const std::size_t dot = host.find('.');
  return dot == host.npos ? std::string() : "*" + std::string(host.substr(dot));
}

// Uploaded names, with the end of the last certificate that has them.
using Uploaded = std::map<std::string, WallTime, std::less<>>;

Uploaded uploaded_names(const CertificateRows& rows, WallTime now) {
  Uploaded out;
  for (const model::Certificate& one : rows.certificates)
    if (one.origin == model::CertificateOrigin::uploaded && one.not_before <= now &&
        one.not_after > now)
      for (const std::string& name : one.names) out[name] = std::max(out[name], one.not_after);
  return out;
}

class Planner {
 public:
  Planner(const CertificateRows& rows, WallTime now, const CertificateMeans& means)
      : rows_(rows), now_(now), means_(means), uploaded_(uploaded_names(rows, now)) {
    for (const auto& one : rows.certificates) certificates_[one.guid] = &one;
  }

  CertificatePlan plan() {
    find_wanted();
    for (const auto& order : rows_.orders) consider(order);
    for (auto& [name, names] : wanted_)
      if (!ordered_.contains(name)) want({{name, std::move(names)}, {}, false, true});
    for (const auto& [guid, one] : certificates_)
      if (one->origin == model::CertificateOrigin::authority && !in_use_.contains(guid) &&
          is_over(one->not_after))
        out_.drop_certificates.push_back(guid);
    ask();
    return std::move(out_);
  }

 private:
  struct Urgent {
    CertificateWish wish;
    WallTime since;  // when its time came
    bool has_certificate;
    bool is_new;  // has no order
  };

  void look_at(WallTime time) { out_.again = std::min(out_.again.value_or(time), time); }
  // Whether `time` has come; if not, it is looked again then.
  bool is_over(WallTime time) {
    if (time > now_) look_at(time);
    return time <= now_;
  }

  bool is_covered(const std::string& host) {
    WallTime until;
    for (const std::string& name : {host, wildcard_over(host)})
      if (const auto found = uploaded_.find(name); found != uploaded_.end())
        until = std::max(until, found->second);
    return until > now_ && !is_over(until);
  }

  void find_wanted() {
    std::map<DomainGuid, const model::Domain*> domains;
    for (const auto& one : rows_.domains) domains[one.guid] = &one;
    for (const auto& route : rows_.routes) {
      const auto found = domains.find(route.domain);
      if (found == domains.end() || found->second->internal ||
          route.protocol != model::RouteProtocol::http)
        continue;
      want_route(route.host, found->second->name);
    }
  }

  void want_route(const std::string& label, const std::string& domain) {
    const std::string host = label.empty() ? domain : label + "." + domain;
    if (!can_be_vouched_for(label == "*" ? domain : host, means_) || is_covered(host)) return;
    const std::string all = "*." + domain;
    if (means_.dns && can_be_vouched_for(domain, means_) && all.size() <= kNameBytes)
      wanted_[all] = {domain, all};
    else if (label != "*")
      wanted_[host] = {host};
  }

  RenewalView view_of(const model::CertificateOrder& order) const {
    RenewalView view;
    if (order.failures > 0 && order.last_failure && *order.last_failure <= now_) {
      view.failures = order.failures;
      view.last_failure = *order.last_failure;
    }
    if (order.not_earlier && *order.not_earlier <= now_ + limits::kAcmeLastRetry)
      view.not_earlier = order.not_earlier;
    return view;
  }

  void consider(const model::CertificateOrder& order) {
    RenewalView view = view_of(order);
    const auto found = certificates_.find(order.certificate);
    const model::Certificate* current = found == certificates_.end() ? nullptr : found->second;
    const auto wanted = wanted_.find(order.name);
    if (wanted == wanted_.end()) {
      const bool rested = is_over(next_attempt(view));
      const bool expired = !current || is_over(current->not_after);
      if (rested && expired) out_.drop_orders.push_back(order.guid);
      return;
    }
    ordered_.insert(order.name);
    if (current) {
      in_use_.insert(current->guid);
      view.current = {current->not_before, current->not_after};
    }
    const WallTime at = next_attempt(view);
    if (is_over(at))
      want({{order.name, wanted->second}, at, current && current->not_after > now_, false});
  }

  void want(Urgent one) { urgent_.push_back(std::move(one)); }

  void ask() {
    std::ranges::sort(urgent_, {}, [](const Urgent& one) {
      return std::tuple(one.has_certificate, one.since, std::string_view(one.wish.name));
    });
    std::size_t held = rows_.certificates.size() - out_.drop_certificates.size();
    for (const auto& order : rows_.orders)
      if (!certificates_.contains(order.certificate)) ++held;
    for (auto& one : urgent_) {
      if (one.is_new && held >= limits::kCertificates) {
        ++out_.left_out;
        continue;
      }
      if (one.is_new) ++held;
      out_.ask.push_back(std::move(one.wish));
    }
  }

  const CertificateRows& rows_;
  WallTime now_;
  CertificateMeans means_;
  Uploaded uploaded_;
  std::map<CertificateGuid, const model::Certificate*> certificates_;
  std::map<std::string, std::vector<std::string>> wanted_;  // by the order's name
  std::set<std::string> ordered_;                           // of them
  std::set<CertificateGuid> in_use_;
  std::vector<Urgent> urgent_;
  CertificatePlan out_;
};

}  // namespace

bool is_local_name(std::string_view host) {
  return host == "localhost" || host.ends_with(".localhost");
}

CertificatePlan certificate_orders(const CertificateRows& rows, WallTime now,
                                   const CertificateMeans& means) {
  return Planner(rows, now, means).plan();
}

}  // namespace nuri::plan
