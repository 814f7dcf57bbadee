#pragma once

// Two ends of a stream in memory, for tests and simulation: what one sends the other receives, in
// pieces of at most `piece` bytes; a sender waits while `limit` bytes are unread.

#include <memory>
#include <utility>

#include "net/stream.h"

namespace nuri::net {

std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> memory_pair(async::Loop& loop,
                                                                        std::size_t piece = 4096,
                                                                        std::size_t limit = 65536);

}  // namespace nuri::net
