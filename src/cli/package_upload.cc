#include "cli/package_upload.h"

#include <fmt/format.h>

#include <unordered_set>

#include "cli/json_path.h"

namespace nuri::cli {

json::object resource_json(const image::PackageFile& file) {
  return {{"path", file.path},
          {"mode", fmt::format("{:o}", file.mode)},
          {"checksum", {{"value", file.sha1}}},
          {"size_in_bytes", file.size}};
}

Matched split(const std::vector<image::PackageFile>& files, const json::array& known) {
  std::unordered_set<std::string> there;
  for (const json::value& one : known)
    there.insert(
        fmt::format("{} {}", text_at(one, "/checksum/value"), number_at(one, "/size_in_bytes")));
  Matched out;
  for (const image::PackageFile& file : files) {
    if (file.kind == image::FileKind::file && file.size > 0 &&
        there.contains(fmt::format("{} {}", file.sha1, file.size))) {
      out.resources.push_back(resource_json(file));
    } else {
      out.lacks.push_back(file);
      out.lacking_bytes += file.size;
    }
  }
  return out;
}

PackageUpload::PackageUpload(async::BlockingPool& pool, const json::array& resources,
                             std::shared_ptr<ZipStream> zip, std::string boundary,
                             std::function<void(std::uint64_t)> on_progress)
    : pool_(pool),
      zip_(std::move(zip)),
      boundary_(std::move(boundary)),
      on_progress_(std::move(on_progress)) {
  before_ = fmt::format(
      "--{}\r\nContent-Disposition: form-data; name=\"resources\"\r\n"
      "Content-Type: application/json\r\n\r\n{}\r\n",
      boundary_, json::serialize(resources));
  after_ = fmt::format("--{}--\r\n", boundary_);
  if (!zip_) return;
  before_ += fmt::format(
      "--{}\r\nContent-Disposition: form-data; name=\"bits\"; filename=\"package.zip\"\r\n"
      "Content-Type: application/zip\r\n\r\n",
      boundary_);
  after_ = "\r\n" + after_;
}

Task<IoResult<async::Chunk>> PackageUpload::read() {
  if (!before_.empty()) co_return async::Chunk::copy_of(std::exchange(before_, {}));
  if (zip_) {
    const std::string piece = co_await pool_.run([zip = zip_] { return zip->read(); });
    if (!piece.empty()) {
      if (on_progress_) on_progress_(zip_->content_bytes());
      co_return async::Chunk::copy_of(piece);
    }
    zip_.reset();
  }
  co_return async::Chunk::copy_of(std::exchange(after_, {}));
}

}  // namespace nuri::cli
