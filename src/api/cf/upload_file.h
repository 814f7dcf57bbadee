#pragma once

// An upload on its way in: a file without a name on the disk of the blobs, gone with its last user
// however that ends.

#include <memory>
#include <string>

#include "async/blocking_pool.h"
#include "base/fd.h"
#include "http/message.h"
#include "image/blob_store.h"

namespace nuri::api {

// What was received; the descriptor lives as long as the pool works with it.
using ReceivedFile = std::shared_ptr<Fd>;

// All of `body`, which lives on. Writes on the pool; `blobs` says when the disk is too full. Throws
// Error: no_space, too_large (limits::kUploadBytes), bad_request (the content stops short),
// cancelled.
Task<ReceivedFile> receive_file(async::BlockingPool& pool, image::BlobStore& blobs,
                                std::string folder, http::Body& body);

}  // namespace nuri::api
