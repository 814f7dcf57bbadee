#pragma once

// One app's push, step by step: read the files, apply the manifest, upload what the server lacks,
// build with the log shown, roll out, and wait until it answers. Ctrl-C at any step takes back what
// this push began.

#include <string>

#include "cli/command.h"
#include "cli/package_upload.h"
#include "cli/push_plan.h"
#include "cli/steps.h"
#include "image/walk.h"

namespace nuri::cli {

class AppPush {
 public:
  enum class Start { yes, no };
  struct Options {
    Start start = Start::yes;
    bool force = false;    // build and deploy although nothing changed
    std::string strategy;  // of the deployment; empty: the server's
  };
  // `command` and `steps` outlive it.
  AppPush(Command& command, Steps& steps, AppPlan plan, std::string space_guid, Options options);

  // The app's document (app_view.h) with `unchanged` and `droplet_guid`. Throws what went wrong;
  // cancelled after Ctrl-C, with what was taken back.
  Task<json::object> run();

 private:
  Task<json::object> push();
  Task<void> read_files();
  Task<void> look_before();
  Task<void> apply_manifest();
  // Whether the current droplet was built from these files; then droplet_ is it.
  Task<bool> built_already();
  Task<bool> nothing_to_do();
  Task<void> upload();
  Task<Matched> match();
  Task<void> build();
  Task<void> roll_out();
  Task<json::value> settings_of(std::string app_guid);
  // After Ctrl-C; says what it did.
  Task<std::string> take_back();
  Task<bool> remove_new_app();

  Command& command_;
  Api& api_;
  Steps& steps_;
  AppPlan plan_;
  std::string space_;
  Options options_;

  image::Walk walk_;
  json::value app_;       // after the manifest was applied
  json::value before_;    // null: the app is new
  json::value settings_;  // as they were
  bool settings_changed_ = false;
  bool sent_manifest_ = false;
  std::string package_, droplet_;
  bool uploaded_ = false;
  std::string deployment_;  // begun by this push and not over
  std::string failed_at_;   // "build", "start": what more a failure shows
};

}  // namespace nuri::cli
