#pragma once

// For tests: a realm of a random name, with all that is made for it removed at the end.

#include <fmt/format.h>

#include <filesystem>
#include <string>

#include "base/random.h"
#include "host/host_settings.h"
#include "host/realm.h"

namespace nuri::host {

class TestRealm {
 public:
  TestRealm() {
    SystemRandom random;
    settings_.realm.name = fmt::format("t{}", random.next() % 100'000'000);
    root_ = "/tmp/nuri-" + settings_.realm.name;
    settings_.realm.state_dir = root_ + "/state";
    settings_.realm.run_dir = root_ + "/run";
    settings_.users = {0, 0, 0, 0, 64'999, 64'999, 64'998};
    settings_.disk.reserve_bytes = 64u << 20;
    settings_.disk.cache_bytes = 64u << 20;
    realm_ = open_realm(settings_.realm);
    std::filesystem::permissions(root_, std::filesystem::perms(0755));
  }
  ~TestRealm() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }
  TestRealm(const TestRealm&) = delete;
  TestRealm& operator=(const TestRealm&) = delete;

  HostSettings& settings() { return settings_; }
  const Realm& realm() const { return realm_; }
  const std::string& root() const { return root_; }

 private:
  HostSettings settings_;
  std::string root_;
  Realm realm_;
};

}  // namespace nuri::host
