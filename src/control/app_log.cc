#include "control/app_log.h"

#include <algorithm>

#include "base/log.h"

namespace nuri::control {
namespace {

// Whoever still has something to say of an erased app says it soon.
constexpr std::size_t kErasedRemembered = 256;

}  // namespace

class AppLog::Writing {
 public:
  Writing(AppLog& log, const AppGuid& app) : log_(log), app_(app) { ++log_.writing_[app_]; }
  ~Writing() {
    const auto it = log_.writing_.find(app_);
    if (--it->second > 0) return;
    log_.writing_.erase(it);
    log_.written_.pulse();
  }
  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;

 private:
  AppLog& log_;
  const AppGuid app_;
};

Task<void> AppLog::write(AppGuid app, std::string text, int instance, std::string source) {
  if (std::ranges::find(erased_, app) != erased_.end()) co_return;
  const Writing here(*this, app);
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
  if (std::ranges::find(erased_, app) == erased_.end()) erased_.push_back(app);
  if (erased_.size() > kErasedRemembered) erased_.pop_front();
  while (writing_.contains(app))
    if (auto waited = co_await written_.wait(); !waited)
      throw error_of(waited.error(), "wait for the last line of an app's log");
  co_await pool_.run([&store = store_, app] { store.erase(app.str()); });
}

}  // namespace nuri::control
