// The test program is also what LayerStore executes anew, and a whole host, as `nuri` is.

#include <gmock/gmock.h>

#include <string_view>

#include "host/host_main.h"
#include "host/test_realm.h"
#include "host/unpack.h"

const char* nuri::host::shim_program() { return NURI_SHIM; }
const char* nuri::host::probe_program() { return NURI_PROBE; }

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "host-unpack")
    return nuri::host::unpack_main(argc - 1, argv + 1);
  if (argc == 5 && std::string_view(argv[1]) == "host")
    return nuri::host::host_main(nuri::host::test_settings(argv[2], argv[3], argv[4]));
  testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
