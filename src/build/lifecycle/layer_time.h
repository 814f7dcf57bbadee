#pragma once

#include <cstdint>

namespace nuri::lifecycle {

// 1980-01-01T00:00:01Z: the newest time of any file in a layer, and SOURCE_DATE_EPOCH of builds.
// The first second that a zip archive can hold, which Python's wheels are. Older times are kept, so
// that a buildpack can say something with them.
inline constexpr std::int64_t kLayerTime = 315532801;
inline constexpr const char* kLayerTimeText = "1980-01-01T00:00:01Z";

}  // namespace nuri::lifecycle
