#include <fmt/format.h>

#include "api/cf/access.h"
#include "api/cf/packages.h"
#include "api/cf/source_index.h"
#include "api/cf/upload_file.h"
#include "http/multipart.h"
#include "http/or_throw.h"
#include "image/package.h"

namespace nuri::api {
namespace {

using model::Package;
using model::PackageState;

// The parts of an upload.
struct Received {
  ReceivedFile zip;  // null: every file was matched
  std::optional<json::array> resources;
};

struct Uploading {
  Package package;
  SpaceGuid space;
};

// Bits go into a package once. The row turns READY in one step when all is stored, so that an
// upload that is cut off, also by the server's own end, leaves a package that awaits its upload.
Uploading require_awaiting(store::Reader& reader, const model::User& user,
                           const PackageGuid& guid) {
  const Package package = require_of_app(reader, user, guid, Access::write);
  if (package.type != model::PackageType::bits)
    throw Error(Code::unprocessable, "Package type must be bits.");
  if (package.state != PackageState::awaiting_upload)
    throw Error(Code::bad_request,
                "Bits may be uploaded only once. Create a new package to upload different bits.");
  return {package, reader.get(package.app).space};
}

Task<json::array> read_resources(http::Body& body) {
  auto text = co_await http::read_all(body, limits::kResourcesBytes);
  const json::value value = json::parse(
      http::or_throw(std::move(text), "read the upload's resources"), limits::kResourcesBytes);
  if (!value.is_array())
    throw Error(Code::unprocessable, "Resources must be an array of files that were matched");
  co_return value.get_array();
}

Task<Received> receive(const Call& call) {
  const auto boundary =
      http::MultipartReader::boundary_of(call.request.headers.get("Content-Type").value_or(""));
  if (!boundary)
    throw Error(Code::unprocessable,
                "An upload is multipart/form-data with a zip in the field \"bits\", the files that "
                "were matched in \"resources\", or both");
  http::MultipartReader reader(*call.request.body, *boundary);
  Received out;
  for (;;) {
    auto next = co_await reader.next();
    const auto part = http::or_throw(std::move(next), "read the upload");
    if (!part) break;
    if (part->name == "resources")
      out.resources = co_await read_resources(*part->body);
    else if (part->name == "bits" && !out.zip)
      out.zip = co_await receive_file(call.parts.pool, call.parts.blobs, call.parts.upload_dir,
                                      *part->body);
  }
  if (!out.zip && !out.resources)
    throw Error(Code::unprocessable, "Upload must include either resources or bits");
  co_return out;
}

std::vector<image::PackageFile> matched_files(const std::vector<NamedFile>& named,
                                              const KnownFiles& known) {
  std::vector<image::PackageFile> out;
  for (const NamedFile& file : named) {
    const model::SourceFile* row = find_known(known, file);
    if (!row)
      throw Error(
          Code::unprocessable,
          fmt::format("the server does not have '{}'; upload it with the others", file.path));
    out.push_back({.path = file.path,
                   .kind = image::FileKind::file,
                   .mode = file.mode,
                   .size = file.size,
                   .sha256 = row->digest,
                   .sha1 = {},
                   .target = {}});
  }
  return out;
}

// What the sender can only mend with another package, against what may pass.
bool is_final(Code code) { return code == Code::unprocessable || code == Code::too_large; }

struct Stored {
  std::optional<image::StoredPackage> bits;
  std::string failure;  // for the user
};

// The zip's descriptor is used by this one job only.
Stored store_bits(image::BlobStore& blobs, const ReceivedFile& zip,
                  std::vector<image::PackageFile> matched) {
  try {
    return {image::store_package(blobs, zip ? zip->get() : -1, std::move(matched)), {}};
  } catch (const Error& error) {
    if (!is_final(error.code())) throw;
    return {std::nullopt, error.message()};
  }
}

Package finish(store::Writer& tx, const Act& act, const PackageGuid& guid, const Stored& stored,
               const KnownFiles& known) {
  auto [package, space] = require_awaiting(tx, act.user, guid);
  package.updated_at = act.now;
  if (stored.bits) {
    package.state = PackageState::ready;
    package.files = stored.bits->digest;
    package.size_bytes = static_cast<std::int64_t>(stored.bits->package.total_bytes());
    learn_files(tx, act, space, stored.bits->package, known);
  } else {
    package.state = PackageState::failed;
    package.error = stored.failure;
  }
  tx.update(package);
  audit(tx, act, "audit.app.upload-bits", tx.get(package.app), {{"package_guid", guid.str()}});
  return package;
}

Task<void> upload(Call call) {
  const auto guid = call.guid<PackageGuid>();
  const Uploading target =
      co_await call.parts.store.read([user = call.user, guid](store::Reader& reader) {
        return require_awaiting(reader, user, guid);
      });
  Received received = co_await receive(call);
  const auto named = parse_named_files(received.resources.value_or(json::array()));
  KnownFiles known =
      co_await call.parts.store.read([space = target.space, named](store::Reader& reader) {
        return known_files(reader, space, named);
      });
  Stored stored = co_await call.parts.pool.run(
      [&blobs = call.parts.blobs, zip = std::move(received.zip),
       matched = matched_files(named, known)] { return store_bits(blobs, zip, matched); });
  const Package package = co_await call.parts.store.write(
      [act = act_of(call), guid, stored = std::move(stored), known = std::move(known)](
          store::Writer& tx) { return finish(tx, act, guid, stored, known); });
  co_await call.answer(200, package_json(call, package));
}

}  // namespace

void add_package_upload(Routes& routes) { routes.add("POST /v3/packages/:guid/upload", upload); }

}  // namespace nuri::api
