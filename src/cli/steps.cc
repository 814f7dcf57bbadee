#include "cli/steps.h"

#include <fmt/format.h>

#include "cli/table.h"

namespace nuri::cli {
namespace {

constexpr Duration kShowEvery = 100ms;
constexpr std::string_view kLineAnew = "\r\x1b[K";

double seconds_of(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

void Steps::begin(std::string key, std::string text) {
  end();
  key_ = std::move(key);
  text_ = std::move(text);
  step_ = shown_ = clock_.now();
  opened_ = false;
  put(text_);
}

void Steps::progress(std::string_view text) {
  if (key_.empty() || opened_ || !terminal_.rewrite || clock_.now() - shown_ < kShowEvery) return;
  shown_ = clock_.now();
  put(fmt::format("{}{} {}", kLineAnew, text_, text));
}

void Steps::open() {
  if (key_.empty() || opened_) return;
  opened_ = true;
  put("\n");
}

void Steps::end(std::string_view result) {
  if (key_.empty()) return;
  const double seconds = seconds_of(clock_.now() - step_);
  times_.emplace_back(std::exchange(key_, {}), seconds);
  if (opened_)
    put(fmt::format("   {}{}\n", result.empty() ? std::string() : fmt::format("{}  ", result),
                    show_seconds(seconds)));
  else
    put(fmt::format(
        "{}{}{}  {}\n", terminal_.rewrite ? kLineAnew : "", terminal_.rewrite ? text_ : "",
        result.empty() ? std::string() : fmt::format(" {}", result), show_seconds(seconds)));
}

void Steps::line(std::string_view text) {
  if (!key_.empty()) open();
  put(fmt::format("{}\n", text));
}

double Steps::total_seconds() const { return seconds_of(clock_.now() - began_); }

json::object Steps::times() const {
  json::object out;
  for (const auto& [key, seconds] : times_) {
    const json::value* before = out.if_contains(key);
    out[key] = seconds + (before ? before->to_number<double>() : 0.0);
  }
  return out;
}

}  // namespace nuri::cli
