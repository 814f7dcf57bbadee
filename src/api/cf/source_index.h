#pragma once

// The files that a space has uploaded, as its clients name them: by SHA-1 and size. Only the
// space's own files are ever found, so that a hash is no oracle for what others have; and a SHA-1
// under which a space has two contents finds neither.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/cf/audit.h"
#include "base/json.h"
#include "image/package.h"
#include "model/source.h"
#include "model/tenancy.h"
#include "store/store.h"

namespace nuri::api {

// One element of `resources`.
struct NamedFile {
  std::string path;
  unsigned mode = 0644;
  std::string sha1;
  std::uint64_t size = 0;
};
// Throws Error: unprocessable naming what is wrong, too_large (limits::kUploadFiles).
std::vector<NamedFile> parse_named_files(const json::array& resources);

using KnownFiles = std::map<std::string, model::SourceFile>;  // by SHA-1
KnownFiles known_files(store::Reader& reader, const SpaceGuid& space,
                       const std::vector<NamedFile>& files);
// Null if it is not known, or of another size.
const model::SourceFile* find_known(const KnownFiles& known, const NamedFile& file);

// Adds what was uploaded (the files that have a sha1), and notes that what was `matched` is still
// in use. The blobs are stored already.
void learn_files(store::Writer& tx, const Act& act, const SpaceGuid& space,
                 const image::Package& uploaded, const KnownFiles& matched);

// The space that a push of this user goes to, of which resource_matches says nothing: that of the
// manifest which the user applied last, or the only one that they may change. Nullopt: not known.
std::optional<SpaceGuid> pushing_space(store::Reader& reader, const model::User& user);

}  // namespace nuri::api
