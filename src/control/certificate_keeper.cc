#include "control/certificate_keeper.h"

#include <algorithm>

#include "base/log.h"

namespace nuri::control {
namespace {

using store::Noun;

constexpr Duration kPause = 1s;  // changes come in bursts
constexpr Duration kRetry = 1min;
constexpr Duration kLongestWait = 1h;  // the wall clock may be set

Task<void> note_changes(store::Follower& follower, std::function<void()> stir) {
  while (co_await follower.next()) stir();
}

}  // namespace

void CertificateKeeper::stir() {
  stirred_ = true;
  wake_.pulse();
}

Task<IoResult<void>> CertificateKeeper::stirred() {
  while (!stirred_)
    if (auto waited = co_await wake_.wait(); !waited) co_return waited;
  co_return IoResult<void>{};
}

void CertificateKeeper::note_left_out(std::size_t count) {
  if (count == left_out_) return;
  left_out_ = count;
  if (count > 0)
    log_warn("there are too many certificates: names go without",
             {{"names", count}, {"limit", limits::kCertificates}});
}

Task<void> CertificateKeeper::carry_out(plan::CertificateWish wish,
                                        model::CertificateOrder before) {
  const Issued issued = co_await parts_.issuer.issue(wish.names);
  const WallTime now = parts_.loop.wall();
  if (issued.pem.chain.empty() && (co_await async::current_scope()).cancelled()) {
    co_await parts_.store.write(
        [before, now](store::Writer& tx) { write_given_up(tx, before, now); });
    co_return;
  }
  const AttemptEnd end = end_of(issued, CertificateGuid::make(parts_.random), now);
  co_await parts_.store.write(
      [before, end, now](store::Writer& tx) { write_end(tx, before, end, now); });
  if (end.error.empty())
    log_info("a certificate came",
             {{"for", wish.name}, {"until", rfc3339(end.certificate->not_after)}});
  else
    log_warn("no certificate", {{"for", wish.name}, {"error", end.error}});
}

Task<void> CertificateKeeper::attempt(plan::CertificateWish wish, model::CertificateOrder before) {
  const std::string name = wish.name;
  try {
    co_await carry_out(std::move(wish), std::move(before));
  } catch (const std::exception& error) {
    log_warn("what came of asking for a certificate could not be kept",
             {{"for", name}, {"error", error.what()}});
  }
  under_way_.erase(name);
  stir();
}

Task<void> CertificateKeeper::begin(async::TaskGroup& group,
                                    std::vector<plan::CertificateWish> wishes) {
  std::vector<std::pair<std::string, CertificateOrderGuid>> names;
  for (const auto& wish : wishes)
    names.emplace_back(wish.name, CertificateOrderGuid::make(parts_.random));
  auto before = co_await parts_.store.write([names, now = parts_.loop.wall()](store::Writer& tx) {
    std::vector<model::CertificateOrder> out;
    for (const auto& [name, guid] : names) out.push_back(write_begin(tx, name, guid, now));
    return out;
  });
  for (std::size_t i = 0; i < wishes.size(); ++i) {
    under_way_.insert(wishes[i].name);
    group.spawn(attempt(std::move(wishes[i]), std::move(before[i])));
  }
}

// What there is to do; how long there will be nothing.
Task<Duration> CertificateKeeper::tick(async::TaskGroup& group) {
  const WallTime now = parts_.loop.wall();
  plan::CertificatePlan plan =
      co_await parts_.store.read([now, means = parts_.means](store::Reader& reader) {
        return plan::certificate_orders(load_certificate_rows(reader), now, means);
      });
  note_left_out(plan.left_out);
  if (!plan.drop_orders.empty() || !plan.drop_certificates.empty())
    co_await parts_.store.write([plan](store::Writer& tx) { write_drops(tx, plan); });
  std::erase_if(plan.ask, [this](const auto& wish) { return under_way_.contains(wish.name); });
  const std::size_t room = limits::kCertificateOrdersAtOnce - under_way_.size();
  if (plan.ask.size() > room) plan.ask.resize(room);
  if (!plan.ask.empty()) co_await begin(group, std::move(plan.ask));
  if (!plan.again) co_return kLongestWait;
  co_return std::clamp<Duration>(*plan.again - now, kPause, kLongestWait);
}

Task<void> CertificateKeeper::keep(async::TaskGroup& group) {
  async::Scope& scope = co_await async::current_scope();
  while (!scope.cancelled()) {
    stirred_ = false;
    Duration wait = kRetry;
    try {
      wait = co_await tick(group);
    } catch (const Error& error) {
      log_warn("certificates could not be looked after", {{"error", error.message()}});
    }
    (void)co_await async::within(wait, stirred());
    if (!co_await async::sleep(kPause)) co_return;
  }
}

Task<void> CertificateKeeper::run() {
  const auto follower = parts_.store.follow(
      {Noun::domain, Noun::route, Noun::destination, Noun::certificate, Noun::certificate_order});
  async::TaskGroup group(co_await async::current_scope());
  group.spawn(note_changes(*follower, [this] { stir(); }));
  group.spawn(keep(group));
  co_await group.join();
}

}  // namespace nuri::control
