#pragma once

// For tests: a realm of a random name, with all that is made for it removed at the end.

#include <fmt/format.h>

#include <filesystem>
#include <string>

#include "base/random.h"
#include "host/host_settings.h"
#include "host/realm.h"

namespace nuri::host {

// Where the build put the shim and host/probe (test_main_test.cc knows).
const char* shim_program();
const char* probe_program();

inline HostSettings test_settings(const std::string& name, const std::string& state_dir,
                                  const std::string& run_dir) {
  HostSettings s;
  s.shim_program = shim_program();
  s.realm.name = name;
  s.realm.state_dir = state_dir;
  s.realm.run_dir = run_dir;
  s.users = {0, 0, 0, 0, 64'999, 64'999, 64'998};
  s.disk.reserve_bytes = 64u << 20;
  s.disk.cache_bytes = 64u << 20;
  return s;
}

class TestRealm {
 public:
  TestRealm() {
    SystemRandom random;
    const std::string name = fmt::format("t{}", random.next() % 100'000'000);
    root_ = "/tmp/nuri-" + name;
    settings_ = test_settings(name, root_ + "/state", root_ + "/run");
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
