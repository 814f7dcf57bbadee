#include "store/live_store.h"

namespace nuri::store {

Task<IoResult<Changes>> Follower::next() {
  Changes out;
  while (!take(out))
    if (auto waited = co_await arrived_.wait(); !waited) co_return std::unexpected(waited.error());
  co_return out;
}

bool Follower::take(Changes& out) {
  if (pending_.empty() && !anything_) return false;
  out.clear();
  if (!anything_) out.assign(pending_.begin(), pending_.end());
  pending_.clear();
  anything_ = false;
  return true;
}

std::unique_ptr<Follower> LiveStore::follow(std::set<Noun> nouns) {
  std::unique_ptr<Follower> follower(new Follower(std::move(nouns)));
  followers_->push_back(*follower);
  return follower;
}

void LiveStore::run_write(Store& store, async::Loop& loop,
                          const std::weak_ptr<Followers>& followers, Durability durability,
                          const std::function<void(Writer&)>& body) {
  // Nullopt: the outcome is not known.
  auto tell = [&](std::optional<Changes> changes) {
    loop.post([followers, changes = std::move(changes)] {
      if (const auto alive = followers.lock()) publish(*alive, changes);
    });
  };
  try {
    tell(store.write(body, durability));
  } catch (const Error& error) {
    if (error.code() == Code::unavailable) tell(std::nullopt);
    throw;
  }
}

void LiveStore::publish(Followers& followers, const std::optional<Changes>& changes) {
  // Followers only note and wake: none can leave the list here.
  for (std::size_t i = 0, n = followers.size(); i < n; ++i) {
    Follower& follower = followers.at(i);
    bool relevant = !changes;
    follower.anything_ |= !changes;
    if (changes)
      for (const Change& change : *changes)
        if (follower.nouns_.contains(change.noun))
          relevant |= follower.pending_.insert(change).second;
    if (relevant) follower.arrived_.pulse();
  }
}

}  // namespace nuri::store
