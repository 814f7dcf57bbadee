#include "api/cf/upload_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "base/limits.h"
#include "http/or_throw.h"

namespace nuri::api {
namespace {

constexpr std::size_t kPiece = 256 * limits::kKiB;  // of one write

ReceivedFile make_file(const std::string& folder) {
  std::string name = folder + "/upload-XXXXXX";
  Fd fd(::mkostemp(name.data(), O_CLOEXEC));
  if (!fd) throw system_error("making a file for the upload in " + folder, errno);
  if (::unlink(name.c_str()) != 0) throw system_error("unlinking " + name, errno);
  return std::make_shared<Fd>(std::move(fd));
}

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw system_error("writing the upload to the disk", errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

Task<ReceivedFile> receive_file(async::BlockingPool& pool, image::BlobStore& blobs,
                                std::string folder, http::Body& body) {
  ReceivedFile file = co_await pool.run([folder] { return make_file(folder); });
  std::uint64_t total = 0;
  for (bool more = true; more;) {
    std::string piece;
    while (more && piece.size() < kPiece) {
      auto read = co_await body.read();
      const async::Chunk chunk = http::or_throw(std::move(read), "receive the upload");
      piece += chunk.view();
      more = chunk.size() > 0;
    }
    total += piece.size();
    if (total > limits::kUploadBytes)
      throw Error(Code::too_large, fmt::format("the upload is larger than {} MiB, the limit",
                                               limits::kUploadBytes / limits::kMiB));
    if (piece.empty()) break;
    co_await pool.run([&blobs, file, piece = std::move(piece)] {
      blobs.require_space(piece.size(), "uploading a package");
      write_all(file->get(), piece);
    });
  }
  co_return file;
}

}  // namespace nuri::api
