#include "control/routes.h"

#include "async/task_group.h"
#include "base/limits.h"
#include "base/log.h"
#include "plan/certificates.h"
#include "plan/route_table.h"

namespace nuri::control {
namespace {

using store::Noun;

struct Rows : plan::RouteRows {
  std::optional<std::vector<model::Certificate>> certificates;  // nothing: as they were
};

enum class Certificates { with, without };

Rows load(store::Reader& reader, Certificates certificates) {
  Rows rows;
  rows.domains = reader.all(store::Query<model::Domain>());
  rows.routes = reader.all(store::Query<model::Route>());
  rows.destinations = reader.all(store::Query<model::Destination>());
  rows.processes = reader.all(store::Query<model::Process>());
  rows.instances =
      reader.all(store::Query<model::Instance>().where(&model::Instance::routable, true));
  if (certificates == Certificates::with)
    rows.certificates = reader.all(store::Query<model::Certificate>());
  return rows;
}

constexpr Duration kPublishDeadline = 5s;
constexpr Duration kRetry = 500ms;

Task<void> note_changes(store::Follower& follower, std::uint64_t& wanted, async::Event& asked) {
  while (co_await follower.next()) {
    ++wanted;
    asked.pulse();
  }
}

}  // namespace

Task<void> Routes::publish_once() {
  const std::uint64_t version = wanted_;
  // Large, and seldom another: read again only when there was a change.
  if (store::Changes changes; certificate_changes_->take(changes)) certificates_.reset();
  const auto wish = certificates_ ? Certificates::without : Certificates::with;
  Rows rows = co_await store_.read([wish](store::Reader& reader) { return load(reader, wish); });
  if (rows.certificates)
    certificates_ = plan::table_certificates(std::move(*rows.certificates), domain_);
  model::RouteTable table;
  table.routes = plan::route_table(
      rows, [this](const InstanceGuid& guid, int port) { return engine_.upstream(guid, port); });
  table.certificates = *certificates_;
  for (const auto& [token, authorization] : challenges_)
    table.challenges.push_back({token, authorization});
  auto done = co_await async::within(kPublishDeadline, feed_.publish(std::move(table)));
  if (!done) throw error_of(done.error(), "tell the router its table");
  published_ = version;
  done_.pulse();
}

Task<void> Routes::run() {
  auto follower = store_.follow({Noun::domain, Noun::route, Noun::destination, Noun::process,
                                 Noun::instance, Noun::certificate});
  async::Loop& loop = (co_await async::current_scope()).loop();
  async::TaskGroup group(loop);
  group.spawn(note_changes(*follower, wanted_, asked_));
  group.spawn([](Routes& self) -> Task<void> {
    for (;;) {
      while (self.published_ == self.wanted_)
        if (!co_await self.asked_.wait()) co_return;
      bool failed = false;
      try {
        co_await self.publish_once();
      } catch (const Error& error) {
        log_warn("the router's table is behind", {{"error", error.message()}});
        failed = true;
      }
      if (failed && !co_await async::sleep(kRetry)) co_return;
    }
  }(*this));
  co_await group.join();
}

Task<bool> Routes::sync(Duration limit) {
  const std::uint64_t version = ++wanted_;
  asked_.pulse();
  auto wait = [](Routes& self, std::uint64_t target) -> Task<IoResult<void>> {
    while (self.published_ < target)
      if (auto waited = co_await self.done_.wait(); !waited) co_return waited;
    co_return IoResult<void>{};
  };
  co_return (co_await async::within(limit, wait(*this, version))).has_value();
}

bool Routes::set_challenge(std::string token, std::string authorization) {
  if (challenges_.size() >= limits::kAcmeChallenges && !challenges_.contains(token)) return false;
  challenges_[std::move(token)] = std::move(authorization);
  return true;
}

bool Routes::clear_challenge(const std::string& token) { return challenges_.erase(token) > 0; }

Task<void> Routes::drain(InstanceGuid instance, Duration limit) {
  // The limit passing is an outcome too: what is still in flight is cut by the stop that follows.
  (void)co_await async::within(limit, feed_.drained(instance.str()));
}

}  // namespace nuri::control
