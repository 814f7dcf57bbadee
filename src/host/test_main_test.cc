// The test program is also the program that LayerStore re-executes, as `nuri` is.

#include <gmock/gmock.h>

#include <string_view>

#include "host/unpack.h"

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "host-unpack")
    return nuri::host::unpack_main(argc - 1, argv + 1);
  testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
