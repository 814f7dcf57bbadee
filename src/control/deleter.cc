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
  for (auto& build : tx.all(Query<model::Build>()
                                .where(&model::Build::app, guid)
                                .where(&model::Build::state, model::BuildState::staging))) {
    build.state = model::BuildState::failed;
    build.error = "the app was deleted";
    tx.update(build);
  }
}

// Instances, and builds of which something may be left.
std::int64_t left_of(store::Reader& reader, const AppGuid& guid) {
  return reader.count(Query<model::Instance>().where(&model::Instance::app, guid)) +
         reader.count(Query<model::Build>()
                          .where(&model::Build::app, guid)
                          .none(&model::Build::step, {model::BuildStep::done}));
}

// False if there is something again: then it is waited for again.
bool erase_app(store::Writer& tx, const AppGuid& guid) {
  if (left_of(tx, guid) > 0) return false;
  if (tx.find(guid)) tx.erase(guid);
  return true;
}

}  // namespace

Task<void> Deleter::run() {
  auto follower = store_.follow({Noun::job});
  for (;;) {
    bool failed = false;
    try {
      for (const JobGuid& guid : co_await store_.read(waiting))
        if (running_.insert(guid).second) jobs_.spawn(carry_out(guid));
    } catch (const std::exception& error) {
      log_error("cannot take up jobs", {{"error", error.what()}});
      failed = true;
    }
    if (failed ? !co_await async::sleep(kRetry) : !co_await follower->next()) break;
  }
  jobs_.cancel();
  co_await jobs_.join();
}

Task<void> Deleter::carry_out(JobGuid guid) {
  async::Scope& scope = co_await async::current_scope();
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
    } catch (const std::exception& error) {
      failure = error.what();
    }
    if (scope.cancelled()) break;
    log_warn("a job is tried again", {{"job", guid.str()}, {"error", failure}});
    if (!co_await async::sleep(kRetry)) break;
  }
  running_.erase(guid);
}

Task<void> Deleter::delete_app(AppGuid app) {
  auto follower = store_.follow({Noun::instance, Noun::build});
  co_await store_.write([app](store::Writer& tx) { stop_app(tx, app); });
  auto ended = [](store::LiveStore& store, store::Follower& rows,
                  AppGuid guid) -> Task<IoResult<void>> {
    for (;;) {
      const auto left =
          co_await store.read([guid](store::Reader& reader) { return left_of(reader, guid); });
      if (left == 0) co_return IoResult<void>{};
      if (auto changed = co_await rows.next(); !changed) co_return std::unexpected(changed.error());
    }
  };
  auto waited = co_await async::within(kEndDeadline, ended(store_, *follower, app));
  if (!waited) throw error_of(waited.error(), "wait for the app's instances and builds to end");
  if (!co_await store_.write([app](store::Writer& tx) { return erase_app(tx, app); }))
    throw Error(Code::conflict, "the app was started or built while it was being deleted");
  co_await log_.erase(app);
  co_await engine_.forget_app(app);
}

}  // namespace nuri::control
