#pragma once

// What every store must do, as tests: included by the test of each implementation, which
// instantiates them with a way to make a store and to open it again after its process was killed.

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "model/app.h"
#include "model/certificate.h"
#include "model/instance.h"
#include "model/job.h"
#include "model/release.h"
#include "model/routing.h"
#include "model/source.h"
#include "model/tenancy.h"
#include "store/store.h"

namespace nuri::store {

// Owns what the store stands on, and removes it.
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;
  virtual Store& store() = 0;
  virtual void restart() = 0;
};

class StoreConformance
    : public testing::TestWithParam<std::function<std::unique_ptr<StoreUnderTest>()>> {
 protected:
  StoreConformance() : under_test_(GetParam()()) {}

  Store& store() { return under_test_->store(); }
  void restart() { under_test_->restart(); }

  template <class T>
  Guid<T> next() {
    return Guid<T>::make(random_);
  }
  template <class T>
  T stamped() {
    T value;
    value.guid = next<T>();
    value.created_at = value.updated_at = WallTime{++time_};
    return value;
  }
  model::Org org(const std::string& name) {
    auto made = stamped<model::Org>();
    made.name = name;
    return made;
  }
  model::Space space(const OrgGuid& in, const std::string& name) {
    auto made = stamped<model::Space>();
    made.org = in;
    made.name = name;
    return made;
  }
  model::App app(const SpaceGuid& in, const std::string& name) {
    auto made = stamped<model::App>();
    made.space = in;
    made.name = name;
    return made;
  }
  model::Process process(const AppGuid& of, const std::string& type = "web") {
    auto made = stamped<model::Process>();
    made.app = of;
    made.type = type;
    return made;
  }
  model::Deployment deployment(const AppGuid& of) {
    auto made = stamped<model::Deployment>();
    made.app = of;
    return made;
  }

  model::Instance instance(const model::Process& of, const DeploymentGuid& by, int index) {
    auto made = stamped<model::Instance>();
    made.app = of.app;
    made.process = of.guid;
    made.deployment = by;
    made.index = index;
    return made;
  }

  // An org and a space in it.
  model::Space home() {
    const auto owner = org("home");
    const auto made = space(owner.guid, "home");
    store().write([&](Writer& tx) {
      tx.insert(owner);
      tx.insert(made);
    });
    return made;
  }

  template <class T>
  void insert(const T& value) {
    store().write([&](Writer& tx) { tx.insert(value); });
  }
  template <class T>
  std::optional<T> find(const Guid<T>& guid) {
    return store().read([&](Reader& reader) { return reader.find(guid); });
  }
  template <class T>
  void expect_kept(const T& value) {
    EXPECT_EQ(find(value.guid), value) << to_text(model::kNoun<T>);
  }
  template <class T>
  std::vector<T> all(const Query<T>& query = {}) {
    return store().read([&](Reader& reader) { return reader.all(query); });
  }
  std::vector<std::string> names(const Query<model::App>& query) {
    std::vector<std::string> out;
    for (const auto& found : all(query)) out.push_back(found.name);
    return out;
  }
  // The error that body ends with; fails the test when there is none.
  Error error_of(const std::function<void(Writer&)>& body) {
    try {
      store().write(body);
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "no error";
    return Error(Code::internal, "no error");
  }

 private:
  SeededRandom random_{1};
  std::int64_t time_ = 0;
  std::unique_ptr<StoreUnderTest> under_test_;
};

}  // namespace nuri::store
