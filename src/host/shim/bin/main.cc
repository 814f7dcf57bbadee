// nuri-shim: the parent of one sandbox (`run`), and PID 1 inside it (`init`).
// docs/formats/shim.md.

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <string>
#include <string_view>

#include "host/shim/init.h"
#include "host/shim/start.h"

namespace {

constexpr std::string_view kUsage =
    "usage: nuri-shim run DIR --handshake FD\n"
    "       nuri-shim init\n"
    "Started by `nuri host`, not by hand.\n";

int usage() {
  (void)!::write(2, kUsage.data(), kUsage.size());
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  std::string_view verb = argc > 1 ? argv[1] : "";
  if (verb == "init" && argc == 2) return nuri::shim::run_init();
  if (verb != "run" || argc != 5 || std::string_view(argv[3]) != "--handshake") return usage();
  std::string_view number = argv[4];
  int handshake = -1;
  auto [end, failed] = std::from_chars(number.data(), number.data() + number.size(), handshake);
  if (failed != std::errc() || end != number.data() + number.size() || handshake < 3)
    return usage();
  // Whatever else the parent left open is not this process's business.
  if (handshake > 3) ::close_range(3, static_cast<unsigned>(handshake) - 1, 0);
  ::close_range(static_cast<unsigned>(handshake) + 1, ~0U, 0);
  // 0, 1 and 2 must be something, or the next file would be one of them.
  int null = ::open("/dev/null", O_RDWR);
  while (null >= 0 && null < 3) null = ::dup(null);
  ::close(null);
  return nuri::shim::run_shim(argv[2], handshake);
}
