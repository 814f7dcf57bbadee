#pragma once

// A package: the source of an app as it was uploaded. A sorted list of files whose contents are
// blobs, itself kept as a blob of canonical JSON, so that the same source is the same digest.
//
// Thread-safe free functions; all block. Throw nuri::Error: unprocessable (a path, mode or entry
// that cannot be, named), too_large (over a limit, named), no_space, data_loss, not_found (a blob
// is gone).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/limits.h"
#include "image/blob_store.h"

namespace nuri::image {

enum class FileKind { file, symlink, directory };

struct PackageFile {
  std::string path;  // relative, '/' between names, no ".", ".." or empty name
  FileKind kind = FileKind::file;
  unsigned mode = 0644;  // permission bits; normalise() clears write for group and others
  std::uint64_t size = 0;
  Digest sha256;       // files only
  std::string sha1;    // files only; 40 hex characters or empty. Not part of the stored form.
  std::string target;  // symlinks only
  friend bool operator==(const PackageFile&, const PackageFile&) = default;
};

struct PackageLimits {
  std::size_t files = limits::kUploadFiles;
  std::uint64_t file_bytes = limits::kFileBytes;
  std::uint64_t total_bytes = limits::kUploadBytes;  // unpacked
};

struct Package {
  std::vector<PackageFile> files;  // sorted by path, after normalise()

  std::uint64_t total_bytes() const;
};

// A path of a package, or of an image layer: relative, no "..", no NUL, within limits::kPathBytes.
// On success empty, else what is wrong with it ("'../x' leaves the package").
std::string path_problem(std::string_view path);
// The target of a symlink at `path` must be relative and stay inside, by its text. As path_problem.
std::string link_problem(std::string_view path, std::string_view target);

// Sorts, drops directories that a file makes anyway, and checks: paths, link targets, modes,
// limits, no path twice, nothing below a file or a link.
void normalise(Package& package, const PackageLimits& limits = {});

// Reads an uploaded zip (Cloud Foundry's `bits`) from a seekable descriptor, storing each file in
// `batch`. Modes are kept (0644/0755 where the zip has none); other kinds of entry are refused. A
// zip that unpacks to more than the limits is refused while reading. The result is not normalised.
Package read_zip(int fd, BlobBatch& batch, const PackageLimits& limits = {});

// `uploaded` and `matched` (files that the server already had) together; of one path, the uploaded
// one wins. Normalised.
Package merge(Package uploaded, std::vector<PackageFile> matched, const PackageLimits& limits = {});

// Canonical JSON (docs/formats/blobs.md, "Packages") and back. parse_package checks as normalise
// does.
std::string serialise_package(const Package& package);
Package parse_package(std::string_view json, const PackageLimits& limits = {});

// What an upload became. `package` holds sha1 for each file that was in the zip: for the space's
// index.
struct StoredPackage {
  Digest digest;
  Package package;
};

// The whole of an upload: zip (fd -1: everything was matched) + matched files -> blobs. Nothing is
// visible unless all is. Touches what was matched; unprocessable, naming the file, if it is gone
// meanwhile.
StoredPackage store_package(BlobStore& blobs, int zip_fd, std::vector<PackageFile> matched,
                            const PackageLimits& limits = {});
Package load_package(const BlobStore& blobs, const Digest& digest);
// For marking: the package and all its files; just `digest` if it is gone.
std::vector<Digest> blobs_of_package(const BlobStore& blobs, const Digest& digest);

// What a build is told besides the files of its package.
struct BuildInput {
  std::string build_json;
  std::string ca_bundle;  // PEM: certificates that the build trusts too; empty: none
};

// Writes the input of a build to `fd` (blocking; the process ignores SIGPIPE): a tar stream of
// `build.json`, `platform/ca.crt` if there is one, then `app/` and its files. Same input, same
// bytes: owner 0, times 1980-01-01T00:00:01Z, sorted. cancelled if the reader went away, else as
// above.
void write_build_input(const Package& package, const BlobStore& blobs, const BuildInput& input,
                       int fd);

}  // namespace nuri::image
