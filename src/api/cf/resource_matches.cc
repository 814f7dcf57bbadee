#include "api/cf/resources.h"
#include "api/cf/source_index.h"

namespace nuri::api {
namespace {

// The elements of `resources` that are known and whose contents are still there.
json::array still_there(image::BlobStore& blobs, const std::vector<NamedFile>& files,
                        const KnownFiles& known, const json::array& resources) {
  json::array out;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const model::SourceFile* file = find_known(known, files[i]);
    // Touched, so that it stays until the upload that counts on it.
    if (file && blobs.touch(file->digest)) out.push_back(resources[i]);
  }
  return out;
}

Task<void> match(Call call) {
  const std::string text = co_await call.text_body(limits::kResourcesBytes);
  const json::object body = json::parse_object(text, limits::kResourcesBytes);
  const json::array& resources = json::require_array(body, "resources");
  std::vector<NamedFile> files = parse_named_files(resources);
  KnownFiles known = co_await call.parts.store.read(
      [user = call.user, files](store::Reader& reader) -> KnownFiles {
        const auto space = pushing_space(reader, user);
        return space ? known_files(reader, *space, files) : KnownFiles();
      });
  json::array matched;
  if (!known.empty())
    matched = co_await call.parts.pool.run(
        [&blobs = call.parts.blobs, files = std::move(files), known = std::move(known), resources] {
          return still_there(blobs, files, known, resources);
        });
  co_await call.answer(200, json::object{{"resources", std::move(matched)}});
}

}  // namespace

void add_resource_matches(Routes& routes) { routes.add("POST /v3/resource_matches", match); }

}  // namespace nuri::api
