#include "async/scope.h"

#include "async/loop.h"

namespace nuri::async {

std::optional<IoError> Waiter::cause_of(Scope* scope) {
  NURI_ASSERT(scope);
  return scope->cause_;
}

void Waiter::park_in(std::coroutine_handle<> handle, Scope& scope) {
  handle_ = handle;
  scope_ = &scope;
  woken_ = false;
  scope.waiters_.push_back(*this);
}

void Waiter::wake() {
  NURI_ASSERT(parked());
  woken_ = true;
  scope_link_.unlink();
  scope_->loop().make_ready(*this, scope_->work());
}

Scope::Scope(Scope& parent, Work work) : loop_(parent.loop_), work_(work), cause_(parent.cause_) {
  parent.children_.push_back(*this);
}

void Scope::cancel(IoError cause) {
  if (cause_) return;
  cause_ = cause;
  while (!waiters_.empty()) {
    Waiter& waiter = waiters_.front();
    waiter.on_cancel(cause);
    if (!waiter.woken_) waiter.wake();
  }
  // A child's cancel only makes waiters ready, so the list does not change under the loop.
  List<Scope, &Scope::link_> rest;
  rest.splice_back(children_);
  while (!rest.empty()) {
    Scope& child = rest.pop_front();
    children_.push_back(child);
    child.cancel(cause);
  }
}

}  // namespace nuri::async
