// What the shim reads as root: its spec, and the kernel's tables of an instance's sockets.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "host/shim/spec.h"
#include "host/shim/tcp_table.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nuri::shim;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto spec = parse(text)) {
    auto again = parse(encode(*spec));
    NURI_ASSERT(again.has_value() && *again == *spec);
  }
  for (bool v6 : {false, true}) {
    TcpTable table(v6);
    table.feed(text.substr(0, size / 2)) && table.feed(text.substr(size / 2));
    for (const ListenAddress& address : table.listening()) NURI_ASSERT(!to_text(address).empty());
  }
  std::vector<ListenAddress> asked;
  read_diag(text, asked);
  for (const ListenAddress& address : asked) NURI_ASSERT(!to_text(address).empty());
  return 0;
}
