#include "control/deleter.h"

#include "base/log.h"
#include "model/job.h"
#include "model/routing.h"

namespace nuri::control {
namespace {

using store::Noun;
using store::Query;

constexpr Duration kRetry = 1s;
constexpr Duration kEndDeadline = 2min;  // for an app's instances, kill included

std::vector<JobGuid> waiting(store::Reader& reader) {
  std::vector<JobGuid> out;
  for (const auto& job :
       reader.all(Query<model::Job>().where(&model::Job::state, model::JobState::processing)))
    if (job.operation == "app.delete" || job.operation == "route.delete") out.push_back(job.guid);
  return out;
}

void stop_app(store::Writer& tx, const AppGuid& guid) {
  if (auto app = tx.find(guid); app && app->state != model::AppState::stopped) {
    app->state = model::AppState::stopped;
    tx.update(*app);
  }
}

void erase_app(store::Writer& tx, const AppGuid& guid) {
  if (tx.find(guid)) tx.erase(guid);
}

}  // namespace

Task<void> Deleter::run() {
  auto follower = store_.follow({Noun::job});
  for (;;) {
    bool failed = false;
    try {
      for (const JobGuid& guid : co_await store_.read(waiting))
        if (running_.insert(guid).second) jobs_.spawn(carry_out(guid));
    } catch (const Error& error) {
      log_error("cannot take up jobs", {{"error", error.message()}});
      failed = true;
    }
    if (failed ? !co_await async::sleep(kRetry) : !co_await follower->next()) break;
  }
  jobs_.cancel();
  co_await jobs_.join();
}

Task<void> Deleter::carry_out(JobGuid guid) {
  for (;;) {
    std::string failure;
    try {
      const auto job =
          co_await store_.read([guid](store::Reader& reader) { return reader.find(guid); });
      if (job && job->state == model::JobState::processing) {
        if (job->operation == "app.delete")
          co_await delete_app(AppGuid(job->resource_guid));
        else
          co_await store_.write([route = RouteGuid(job->resource_guid)](store::Writer& tx) {
            if (tx.find(route)) tx.erase(route);
          });
        co_await store_.write([guid, now = loop_.wall()](store::Writer& tx) {
          tx.change(guid, [&](model::Job& done) {
            done.state = model::JobState::complete;
            done.updated_at = now;
          });
        });
      }
      break;
    } catch (const Error& error) {
      if (error.code() == Code::cancelled) break;
      failure = error.message();
    }
    log_warn("a job is tried again", {{"job", guid.str()}, {"error", failure}});
    if (!co_await async::sleep(kRetry)) break;
  }
  running_.erase(guid);
}

Task<void> Deleter::delete_app(AppGuid app) {
  auto follower = store_.follow({Noun::instance});
  co_await store_.write([app](store::Writer& tx) { stop_app(tx, app); });
  auto ended = [](store::LiveStore& store, store::Follower& rows,
                  AppGuid guid) -> Task<IoResult<void>> {
    for (;;) {
      const auto left = co_await store.read([guid](store::Reader& reader) {
        return reader.count(Query<model::Instance>().where(&model::Instance::app, guid));
      });
      if (left == 0) co_return IoResult<void>{};
      if (auto changed = co_await rows.next(); !changed) co_return std::unexpected(changed.error());
    }
  };
  auto waited = co_await async::within(kEndDeadline, ended(store_, *follower, app));
  if (!waited) throw error_of(waited.error(), "wait for the app's instances to end");
  co_await store_.write([app](store::Writer& tx) { erase_app(tx, app); });
  co_await log_.erase(app);
  co_await engine_.forget_app(app);
}

}  // namespace nuri::control
