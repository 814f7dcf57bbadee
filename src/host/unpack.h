#pragma once

// `nuri host-unpack`: the re-executed, single-threaded program that unpacks one layer. It runs in a
// user namespace of its own that maps 0… to the store's range of user ids, with a network and a
// mount namespace of its own, its root directory changed to the target: a hostile archive, even one
// that takes libarchive over, can write there and nowhere else. OCI image spec, layer.md.

#include <cstdint>
#include <string>

#include "base/digest.h"

namespace nuri::host {

// Descriptors that the program is started with.
inline constexpr int kUnpackBlob = 3;    // the archive
inline constexpr int kUnpackTarget = 4;  // the empty directory to unpack into
inline constexpr int kUnpackGate = 5;    // socket: says "u" when unshared, hears "g" when mapped

struct UnpackLimits {
  std::uint64_t bytes = 0;  // of the uncompressed archive
  std::uint64_t files = 0;
};

// Arguments: DIFF_ID MAX_BYTES MAX_FILES. Prints "bytes N" and exits 0, or a message for a person
// and exits with an unpack exit code. Does not return.
int unpack_main(int argc, char** argv);

inline constexpr int kUnpackFailed = 1;
inline constexpr int kUnpackWrongDigest = 2;
inline constexpr int kUnpackTooLarge = 3;
inline constexpr int kUnpackNoSpace = 4;
inline constexpr int kUnpackBadArchive = 5;

// Unpacks the archive at descriptor `blob` below `target`; whiteouts become what overlayfs reads
// with `userxattr`: character devices 0:0, and the attribute user.overlay.opaque. Device nodes are
// skipped; set-user-id and set-group-id bits of files and file capabilities are dropped (with
// no-new-privileges they could have no effect). Returns the uncompressed size. Throws
// Error{data_loss | too_large | bad_request | no_space}. Changes nothing but what is below
// `target`.
std::uint64_t unpack_layer(int blob, int target, const Digest& diff_id, const UnpackLimits& limits);

}  // namespace nuri::host
