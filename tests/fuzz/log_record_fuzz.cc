// Log segments hold what apps wrote, and may be torn anywhere.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/assert.h"
#include "telemetry/log_reader.h"

namespace {

using namespace nuri::telemetry;

const std::filesystem::path& folder() {
  static const std::filesystem::path path = [] {
    std::string name = "/dev/shm/nuri-log-fuzz-XXXXXX";
    NURI_ASSERT(::mkdtemp(name.data()) != nullptr);
    std::atexit([] { std::filesystem::remove_all(folder()); });
    return std::filesystem::path(name);
  }();
  return path;
}

// Each line of a segment, whatever is in it, is within the bounds; the order may be any.
std::vector<std::string> read_all(int at, bool descending) {
  const LogQuery query{.descending = descending, .sources = {}};
  WriterLines lines(at, list_segments(at), query);
  std::vector<std::string> out;
  while (lines.peek()) out.push_back(lines.take().text);
  std::ranges::sort(out);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string_view line = bytes.substr(0, bytes.find('\n'));
  if (const auto record = parse_record(line)) NURI_ASSERT(record->text.size() + 4 <= line.size());
  if (const auto header = parse_segment_header(line)) NURI_ASSERT(!header->source.empty());

  const int at = ::open(folder().c_str(), O_RDONLY | O_DIRECTORY);
  const std::size_t half = size / 2;
  std::ofstream(folder() / "w.00000001", std::ios::binary) << "nuri-log 1 source=X\n"
                                                           << bytes.substr(0, half);
  std::ofstream(folder() / "w.00000002", std::ios::binary) << "nuri-log 1 source=X\n"
                                                           << bytes.substr(half);
  const auto up = read_all(at, false), down = read_all(at, true);
  // Where a line has very many or very large parts, or others wait behind it, it may be cut
  // elsewhere.
  if (size < 4000) NURI_ASSERT(up == down);
  ::close(at);
  return 0;
}
