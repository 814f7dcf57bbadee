#include "control/app_log.h"

#include "base/log.h"

namespace nuri::control {

Task<void> AppLog::write(AppGuid app, std::string text, int instance, std::string source) {
  telemetry::LogLine line;
  line.ns = clock_.wall().ns;
  line.source = std::move(source);
  line.instance = std::to_string(instance);
  line.text = std::move(text);
  try {
    co_await pool_.run([&store = store_, app, line = std::move(line)] {
      store.prepare(app.str());
      store.append(app.str(), line);
    });
  } catch (const Error& error) {
    log_warn("cannot write an app's log", {{"app", app.str()}, {"error", error.message()}});
  }
}

Task<void> AppLog::erase(AppGuid app) {
  co_await pool_.run([&store = store_, app] { store.erase(app.str()); });
}

}  // namespace nuri::control
