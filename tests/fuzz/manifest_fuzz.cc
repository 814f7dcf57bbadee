#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "base/error.h"
#include "model/manifest.h"
#include "model/source.h"

// parse_manifest ends in a manifest or an Error; what it accepts is within the model's bounds, and
// its errors can be shown on a terminal.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nuri;
  try {
    const model::Manifest manifest =
        model::parse_manifest({reinterpret_cast<const char*>(data), size});
    for (const model::ManifestApp& app : manifest.apps) {
      model::validate(app.env);
      model::validate(app.metadata);
      if (app.web.memory_mb) NURI_ASSERT(*app.web.memory_mb > 0);
      for (const auto& process : app.processes) NURI_ASSERT(!process.type.empty());
    }
  } catch (const Error& error) {
    NURI_ASSERT(error.code() == Code::unprocessable || error.code() == Code::too_large);
    NURI_ASSERT(!error.message().empty());
  }
  return 0;
}
