#include "async/pending.h"

#include "async/loop.h"

namespace nuri::async {

void Pending::begin(Operation& operation) {
  operation_ = &operation;
  operation.registered = true;
  until_ = operation.deadline;
  if (until_ < (armed() ? when() : kNever)) operation.loop->arm(*this, until_);
}

void Pending::on_timer() {
  if (!operation_ || until_ == kNever) return;
  Operation& operation = *operation_;
  if (operation.loop->turned() < until_) return operation.loop->arm(*this, until_);
  operation.loop->forget(operation);
  operation.fail(IoError::timed_out);
  operation.wake();
}

}  // namespace nuri::async
