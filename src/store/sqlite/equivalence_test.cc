#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "model/app.h"
#include "model/instance.h"
#include "model/release.h"
#include "model/source.h"
#include "model/tenancy.h"
#include "store/memory/memory_store.h"
#include "store/sqlite/sqlite_store.h"
#include "store/sqlite/temporary_folder.h"

namespace nuri::store {
namespace {

using model::App;
using model::Droplet;
using model::Instance;
using model::Space;

// One step of a history: what to do, and to which of few rows, so that they collide.
struct Step {
  int what;
  int row;
  int other;
};

template <class T>
Guid<T> numbered(int number) {
  return Guid<T>(fmt::format("{:08x}-0000-4000-8000-000000000000", number));
}

void insert_app(Writer& tx, const Step& step) {
  App app;
  app.guid = numbered<App>(step.row);
  app.space = numbered<Space>(step.other % 3);
  app.name = "app" + std::to_string(step.other);
  app.created_at = WallTime{step.other};
  tx.insert(app);
}

void insert_droplet(Writer& tx, const Step& step) {
  Droplet droplet;
  droplet.guid = numbered<Droplet>(step.row);
  droplet.app = numbered<App>(step.other);
  tx.insert(droplet);
}

void insert_instance(Writer& tx, const Step& step) {
  model::Process process;
  process.guid = numbered<model::Process>(step.row);
  process.app = numbered<App>(step.other);
  process.type = "type" + std::to_string(step.row % 2);
  tx.insert(process);
  model::Deployment deployment;
  deployment.guid = numbered<model::Deployment>(step.row);
  deployment.app = process.app;
  tx.insert(deployment);
  Instance instance;
  instance.guid = numbered<Instance>(step.row);
  instance.app = process.app;
  instance.process = process.guid;
  instance.deployment = deployment.guid;
  tx.insert(instance);
}

void run(Writer& tx, const Step& step) {
  switch (step.what) {
    case 0:
      return insert_app(tx, step);
    case 1:
      return insert_droplet(tx, step);
    case 2:
      return insert_instance(tx, step);
    case 3:
      tx.change(numbered<App>(step.row),
                [&](App& app) { app.current_droplet = numbered<Droplet>(step.other); });
      return;
    case 4:
      tx.change(numbered<App>(step.row),
                [&](App& app) { app.name = "app" + std::to_string(step.other); });
      return;
    case 5:
      return tx.erase(numbered<App>(step.row));
    case 6:
      return tx.erase(numbered<Droplet>(step.row));
    case 7:
      return tx.erase(numbered<Instance>(step.row));
    case 8: {
      Space space;
      space.guid = numbered<Space>(step.row % 3);
      space.org = numbered<model::Org>(0);
      space.name = "space" + std::to_string(step.other % 3);
      return tx.insert(space);
    }
    default:
      tx.erase_all(Query<App>().any(&App::name, {"app" + std::to_string(step.other), "app0"}));
  }
}

// What a step did, as text: the changes or the error.
std::string outcome(Store& store, const Step& step) {
  try {
    std::string out;
    for (const Change& change : store.write([&](Writer& tx) { run(tx, step); }))
      out += fmt::format("{} {};", to_text(change.noun), change.guid);
    return out;
  } catch (const Error& error) {
    return fmt::format("{}: {}", info(error.code()).name, error.message());
  }
}

// Everything that is there, in each order that is asked for.
std::string contents(Store& store) {
  return store.read([](Reader& reader) {
    std::string out;
    const auto add = [&](const auto& rows) {
      for (const auto& row : rows) out += json::serialize(model::to_json(row)) + "\n";
    };
    add(reader.all(Query<Space>()));
    add(reader.all(Query<App>()));
    add(reader.list(Query<App>().order_by(&App::name, Order::descending).page(1, 3)).items);
    add(reader.all(Query<App>().order_by(&App::current_droplet).none(&App::name, {"app1"})));
    add(reader.all(Query<App>().where(&App::current_droplet, {})));
    add(reader.all(Query<Droplet>().order_by(&Droplet::app, Order::descending)));
    add(reader.all(Query<Instance>()));
    return out;
  });
}

RC_GTEST_PROP(Stores, DoTheSameInEveryHistory, ()) {
  const auto number = rc::gen::inRange(0, 5);
  const auto steps = *rc::gen::container<std::vector<Step>>(
      40, rc::gen::construct<Step>(rc::gen::inRange(0, 10), number, number));
  // Thousands of commits: in memory, where syncing costs nothing.
  TemporaryFolder folder("/dev/shm");
  MemoryStore memory;
  SqliteStore sqlite(folder / "db");
  model::Org org;
  org.guid = numbered<model::Org>(0);
  org.name = "org";
  for (Store* store : {static_cast<Store*>(&memory), static_cast<Store*>(&sqlite)})
    store->write([&](Writer& tx) {
      tx.insert(org);
      for (int i = 0; i < 2; ++i) run(tx, {8, i, i});
    });
  for (const Step& step : steps) {
    RC_ASSERT(outcome(memory, step) == outcome(sqlite, step));
    RC_ASSERT(contents(memory) == contents(sqlite));
  }
}

}  // namespace
}  // namespace nuri::store
