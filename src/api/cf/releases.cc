#include "api/cf/releases.h"

#include "api/cf/processes.h"

namespace nuri::api {

std::optional<model::Revision> latest_revision(store::Reader& reader, const AppGuid& app) {
  return reader.first(store::Query<model::Revision>()
                          .where(&model::Revision::app, app)
                          .order_by(&model::Revision::version, store::Order::descending));
}

model::Deployment release_app(store::Writer& tx, const Act& act, model::App& app,
                              plan::ReleaseWish wish) {
  if (app.state == model::AppState::stopped) wish.strategy = model::Strategy::recreate;
  plan::Release release = plan::release(app, processes_of(tx, app.guid),
                                        latest_revision(tx, app.guid), wish, act.now, *act.random);
  if (release.revision) tx.insert(*release.revision);
  tx.insert(release.deployment);
  app.state = model::AppState::started;
  app.updated_at = act.now;
  tx.update(app);
  return std::move(release.deployment);
}

}  // namespace nuri::api
