#include "router/table_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/limits.h"
#include "base/log.h"

namespace nuri::router {
namespace {

constexpr std::string_view kHeader = "nuri-routes 1\n";
constexpr std::size_t kLineBytes = 64 * limits::kKiB;
constexpr std::uint64_t kLeastToCompact = 1 * limits::kMiB;

std::string line_of(const TableChange& change) {
  const std::string text = encode(FeedMessage(change));
  const auto sum =
      ::crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size()));
  return fmt::format("{:08x} {}\n", sum, text);
}

bool good_line(const std::string& line, TableChange& change) {
  if (line.size() < 10 || line[8] != ' ') return false;
  const std::string text = line.substr(9);
  const auto sum =
      ::crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size()));
  if (fmt::format("{:08x}", sum) != line.substr(0, 8)) return false;
  try {
    auto message = parse_feed_message(text);
    auto* parsed = std::get_if<TableChange>(&message);
    if (!parsed) return false;
    change = std::move(*parsed);
    return true;
  } catch (const Error&) {
    return false;
  }
}

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw system_error("write the route table", errno);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

// One of an older version could be read by a group.
void make_private(const Fd& file, const std::string& path) {
  if (::fchmod(file.get(), 0600) != 0)
    throw system_error(fmt::format("make {} private", path), errno);
}

// So that the new name is there after a power failure.
void sync_directory_of(const std::string& path) {
  const auto directory = std::filesystem::absolute(path).parent_path();
  const Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0)
    throw system_error(fmt::format("sync {}", directory.string()), errno);
}

}  // namespace

Table TableJournal::load() {
  Table table;
  file_.reset();
  std::ifstream file(path_);
  std::string line;
  bool good = static_cast<bool>(std::getline(file, line)) && !file.eof() && line + "\n" == kHeader;
  bytes_ = kHeader.size();
  while (good && std::getline(file, line)) {
    TableChange change;
    good = !file.eof() && good_line(line, change);
    if (!good) break;
    apply_change(table, change);
    bytes_ += line.size() + 1;
  }
  if (good) {
    file_ = Fd(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW));
    compact_at_ = std::max(bytes_, kLeastToCompact);
    if (file_) make_private(file_, path_);
  } else if (std::filesystem::exists(path_)) {
    log_warn("the route table on disk ends early; the server will send it again",
             {{"file", path_}, {"routes", table.routes.size()}});
  }
  return table;
}

void TableJournal::append(const TableChange& change, const Table& table) {
  if (wants_table()) return rewrite(table);
  std::string text;
  for (const TableChange& piece : split(change, kLineBytes)) text += line_of(piece);
  // After a failure nothing may be appended behind half a line.
  Fd file = std::move(file_);
  write_all(file.get(), text);
  if (::fdatasync(file.get()) != 0) throw system_error(fmt::format("write {}", path_), errno);
  bytes_ += text.size();
  file_ = std::move(file);
}

void TableJournal::rewrite(const Table& table) {
  file_.reset();
  const std::string temp = path_ + ".new";
  Fd file(
      ::open(temp.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) throw system_error(fmt::format("write {}", temp), errno);
  make_private(file, temp);
  std::string text(kHeader);
  for (const TableChange& piece : split(whole_of(table), kLineBytes)) text += line_of(piece);
  write_all(file.get(), text);
  if (::fdatasync(file.get()) != 0 || ::rename(temp.c_str(), path_.c_str()) != 0)
    throw system_error(fmt::format("write {}", path_), errno);
  sync_directory_of(path_);
  file_ = std::move(file);
  bytes_ = text.size();
  compact_at_ = std::max<std::uint64_t>(2 * bytes_, kLeastToCompact);
}

}  // namespace nuri::router
