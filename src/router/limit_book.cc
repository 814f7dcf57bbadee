#include "router/limit_book.h"

namespace nuri::router {
namespace {

// Entries that nobody has go when the map has doubled, so that sweeping costs little an entry.
template <class T, class... Arguments>
std::shared_ptr<T> entry(LimitBook::Entries<T>& all, const std::string& name,
                         Arguments... arguments) {
  auto& place = all.by_name[name];
  if (auto there = place.lock()) return there;
  auto made = std::make_shared<T>(arguments...);
  place = made;
  if (all.by_name.size() > all.sweep_at) {
    std::erase_if(all.by_name, [](const auto& one) { return one.second.expired(); });
    all.sweep_at = 2 * all.by_name.size() + 64;
  }
  return made;
}

}  // namespace

bool Fairness::may_go(std::size_t worker, Time since) const {
  for (std::size_t other = 0; other < kWorkers; ++other)
    if (other != worker % kWorkers && since_[other].ns.load() < since.ns - kSkew.count())
      return false;
  return true;
}

std::shared_ptr<Slots> LimitBook::slots(const std::string& name, int limit) {
  const std::lock_guard lock(mutex_);
  auto slots = entry(slots_, name, limit);
  slots->set_limit(limit);
  return slots;
}

std::shared_ptr<Fairness> LimitBook::fairness(const std::string& name) {
  const std::lock_guard lock(mutex_);
  return entry(fairness_, name);
}

}  // namespace nuri::router
