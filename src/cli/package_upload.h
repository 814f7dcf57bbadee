#pragma once

// The upload of a package: multipart/form-data of `resources`, the files that the server has, and
// `bits`, a zip of the others (CAPI v3, "Upload package bits").

#include <functional>
#include <memory>

#include "async/blocking_pool.h"
#include "base/json.h"
#include "cli/zip_stream.h"
#include "http/message.h"

namespace nuri::cli {

// One entry of resource_matches and `resources`.
json::object resource_json(const image::PackageFile& file);

// The files of a package by whether the server has them.
struct Matched {
  json::array resources;                  // for the upload's `resources`
  std::vector<image::PackageFile> lacks;  // for its zip: with links and folders
  std::uint64_t lacking_bytes = 0;
};
// `known`: the elements that resource_matches gave back.
Matched split(const std::vector<image::PackageFile>& files, const json::array& known);

class PackageUpload final : public http::Body {
 public:
  // `zip` null: no part `bits`. `pool` outlives it; the zip is made there. `on_progress` is told
  // the bytes of contents that were sent.
  PackageUpload(async::BlockingPool& pool, const json::array& resources,
                std::shared_ptr<ZipStream> zip, std::string boundary,
                std::function<void(std::uint64_t)> on_progress);
  Task<IoResult<async::Chunk>> read() override;
  std::optional<std::uint64_t> length() const override { return std::nullopt; }

  std::string content_type() const { return "multipart/form-data; boundary=" + boundary_; }

 private:
  async::BlockingPool& pool_;
  std::shared_ptr<ZipStream> zip_;
  std::string boundary_;
  std::function<void(std::uint64_t)> on_progress_;
  std::string before_, after_;  // around the zip; emptied when sent
};

}  // namespace nuri::cli
