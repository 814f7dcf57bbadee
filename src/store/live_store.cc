#include "store/live_store.h"

namespace nuri::store {

Task<IoResult<Changes>> Follower::next() {
  while (pending_.empty())
    if (auto waited = co_await arrived_.wait(); !waited) co_return std::unexpected(waited.error());
  co_return take();
}

Changes Follower::take() {
  Changes out(pending_.begin(), pending_.end());
  pending_.clear();
  return out;
}

std::unique_ptr<Follower> LiveStore::follow(std::set<Noun> nouns) {
  std::unique_ptr<Follower> follower(new Follower(std::move(nouns)));
  followers_.push_back(*follower);
  return follower;
}

void LiveStore::publish(const Changes& changes) {
  // Followers only note and wake: none can leave the list here.
  for (std::size_t i = 0, n = followers_.size(); i < n; ++i) {
    Follower& follower = followers_.at(i);
    bool relevant = false;
    for (const Change& change : changes)
      if (follower.nouns_.contains(change.noun)) relevant |= follower.pending_.insert(change).second;
    if (relevant) follower.arrived_.pulse();
  }
}

}  // namespace nuri::store
