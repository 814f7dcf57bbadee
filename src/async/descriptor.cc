#include "async/descriptor.h"

#include <errno.h>
#include <sys/socket.h>

namespace nuri::async {

Descriptor::There Descriptor::look() const {
  if (loop_->holds_bytes(slot_)) return There::bytes;
  char byte;
  const ssize_t n = ::recv(native(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (n > 0) return There::bytes;
  return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? There::nothing : There::end;
}

}  // namespace nuri::async
