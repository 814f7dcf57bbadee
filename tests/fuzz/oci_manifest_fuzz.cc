// Manifests, indexes, configurations and packages: JSON that others wrote.

#include <string_view>

#include "base/assert.h"
#include "base/error.h"
#include "image/oci.h"
#include "image/package.h"

namespace {

// What parses must serialise to something that parses to the same.
template <class Parse, class Write>
void round_trip(std::string_view text, Parse parse, Write write) {
  std::string once;
  try {
    once = write(parse(text));
  } catch (const nuri::Error& e) {
    NURI_ASSERT(e.code() != nuri::Code::internal && !e.message().empty());
    return;
  }
  NURI_ASSERT(write(parse(once)) == once);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nuri::image;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  round_trip(text, oci::parse_manifest, [](const oci::Manifest& m) { return oci::serialise(m); });
  round_trip(text, oci::parse_index, [](const oci::Index& i) { return oci::serialise(i); });
  round_trip(text, oci::parse_config, [](const oci::ImageConfig& c) { return oci::serialise(c); });
  round_trip(text, [](std::string_view t) { return parse_package(t); }, serialise_package);
  return 0;
}
