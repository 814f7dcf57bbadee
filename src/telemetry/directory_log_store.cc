#include "telemetry/directory_log_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <map>
#include <queue>

#include "base/error.h"
#include "base/limits.h"
#include "telemetry/log_reader.h"
#include "telemetry/log_segment.h"

namespace nuri::telemetry {
namespace {

constexpr std::size_t kOpenAppenders = 64;

bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 &&
         name.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") ==
             std::string_view::npos;
}

// Empty if the app has no folder.
Fd open_folder(const std::filesystem::path& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd && errno != ENOENT)
    throw system_error(fmt::format("opening the logs {}", path.string()), errno);
  return fd;
}

// Merges the writers of one app, opening each only when its lines can be next.
class Merge {
 public:
  Merge(int folder, const LogQuery& query) : query_(query), ahead_(Later{query.descending}) {
    std::map<std::string, std::vector<SegmentFile>> by_writer;
    for (SegmentFile& file : list_segments(folder))
      by_writer[file.writer].push_back(std::move(file));
    for (auto& [writer, files] : by_writer) {
      auto lines = std::make_unique<WriterLines>(folder, std::move(files), query);
      if (!lines->may_have_lines()) continue;
      const std::size_t index = writers_.size();
      ahead_.push({query.descending ? lines->newest_ns() : INT64_MIN, false, index});
      writers_.push_back(std::move(lines));
    }
  }

  std::vector<LogLine> run() {
    std::vector<LogLine> out;
    std::size_t bytes = 0;
    const std::size_t limit = std::clamp<std::size_t>(query_.limit, 1, kLogReadLimit);
    while (!ahead_.empty() && out.size() < limit && bytes < limits::kLogReadBytes) {
      const Ahead next = ahead_.top();
      ahead_.pop();
      WriterLines& writer = *writers_[next.writer];
      if (next.exact) {
        out.push_back(writer.take());
        bytes += out.back().text.size();
      }
      if (const LogLine* line = writer.peek()) {
        ahead_.push({line->ns, true, next.writer});
      } else {
        writers_[next.writer].reset();
      }
    }
    // One writer's lines may be out of order by WriterLines::kDisorderNs.
    const auto before = [&](const LogLine& a, const LogLine& b) {
      return query_.descending ? a.ns > b.ns : a.ns < b.ns;
    };
    for (std::size_t i = 1; i < out.size(); ++i)
      for (std::size_t k = i; k > 0 && before(out[k], out[k - 1]); --k)
        std::swap(out[k], out[k - 1]);
    return out;
  }

 private:
  struct Ahead {
    std::int64_t
        ns;  // of the writer's next line; if not exact, as early as it can be in this direction
    bool exact;
    std::size_t writer;
  };
  struct Later {
    bool descending;
    bool operator()(const Ahead& a, const Ahead& b) const {
      if (a.ns != b.ns) return descending ? a.ns < b.ns : a.ns > b.ns;
      if (a.exact != b.exact) return a.exact;
      return descending ? a.writer < b.writer : a.writer > b.writer;
    }
  };

  const LogQuery& query_;
  std::vector<std::unique_ptr<WriterLines>> writers_;
  std::priority_queue<Ahead, std::vector<Ahead>, Later> ahead_;
};

}  // namespace

DirectoryLogStore::DirectoryLogStore(std::filesystem::path folder) : folder_(std::move(folder)) {
  if (::mkdir(folder_.c_str(), 02770) != 0 && errno != EEXIST)
    throw system_error(fmt::format("making the folder for logs {}", folder_.string()), errno);
}

DirectoryLogStore::~DirectoryLogStore() = default;

std::filesystem::path DirectoryLogStore::folder_of(std::string_view app) const {
  if (!is_plain_name(app))
    throw Error(Code::bad_request, fmt::format("'{}' is not the guid of an app", app));
  return folder_ / app;
}

void DirectoryLogStore::prepare(std::string_view app) {
  const std::filesystem::path path = folder_of(app);
  if (::mkdir(path.c_str(), 02770) == 0) {
    // mkdir takes the umask off and may drop the set-group-ID bit.
    if (::chmod(path.c_str(), 02770) != 0)
      throw system_error(fmt::format("setting the mode of {}", path.string()), errno);
  } else if (errno != EEXIST) {
    throw system_error(fmt::format("making the folder for logs {}", path.string()), errno);
  }
}

LogSegmentWriter& DirectoryLogStore::appender(std::string_view app, const LogLine& line) {
  std::uint32_t instance = 0;
  std::from_chars(line.instance.data(), line.instance.data() + line.instance.size(), instance);
  std::string name = fmt::format("server-{}-{}", line.source, instance);
  std::ranges::replace(name, '/', '-');
  if (!is_plain_name(name))
    throw Error(Code::bad_request, fmt::format("'{}' is no log source", line.source));
  auto it = std::ranges::find_if(appenders_,
                                 [&](const Appender& a) { return a.app == app && a.name == name; });
  if (it == appenders_.end()) {
    if (appenders_.size() >= kOpenAppenders) appenders_.pop_back();
    appenders_.push_front({std::string(app), name,
                           std::make_unique<LogSegmentWriter>(LogSegmentIdentity{
                               folder_of(app).string(), name, line.source, instance, "server"})});
  } else {
    appenders_.splice(appenders_.begin(), appenders_, it);
  }
  return *appenders_.front().writer;
}

void DirectoryLogStore::append(std::string_view app, const LogLine& line) {
  const std::lock_guard held(mutex_);
  LogSegmentWriter& writer = appender(app, line);
  const LogSegmentStream stream =
      line.stream == LogStream::err ? LogSegmentStream::err : LogSegmentStream::out;
  std::string_view rest = line.text;
  do {
    const std::size_t end = rest.find('\n');
    writer.line(stream, rest.substr(0, end), WallTime{line.ns}, Time{line.ns});
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  } while (!rest.empty());
}

std::vector<LogLine> DirectoryLogStore::read(std::string_view app, const LogQuery& query) const {
  const Fd folder = open_folder(folder_of(app));
  if (!folder) return {};
  return Merge(folder.get(), query).run();
}

LogToken DirectoryLogStore::token(std::string_view app) const {
  const Fd folder = open_folder(folder_of(app));
  LogToken token;
  if (!folder) return token;
  token.value = 14695981039346656037ULL;  // FNV-1a, 64 bits
  const auto mix = [&](std::uint64_t v) { token.value = (token.value ^ v) * 1099511628211ULL; };
  for (const SegmentFile& file : list_segments(folder.get())) {
    for (const char c : file.name) mix(static_cast<unsigned char>(c));
    mix(file.size);
  }
  return token;
}

void DirectoryLogStore::trim(std::string_view app, std::uint64_t max_bytes,
                             const std::set<std::string>& live_writers) {
  const Fd folder = open_folder(folder_of(app));
  if (!folder) return;
  std::vector<SegmentFile> files = list_segments(folder.get());
  std::uint64_t total = 0;
  std::size_t count = files.size();
  std::vector<const SegmentFile*> erasable;
  const auto is_live = [&](const std::string& writer) {
    return writer.starts_with("server-") || writer.starts_with("router-") ||
           live_writers.contains(writer);
  };
  for (std::size_t i = 0; i < files.size(); ++i) {
    total += files[i].size;
    const bool newest = i + 1 == files.size() || files[i + 1].writer != files[i].writer;
    if (!newest || !is_live(files[i].writer)) erasable.push_back(&files[i]);
  }
  std::ranges::sort(erasable, {}, &SegmentFile::mtime_ns);
  for (const SegmentFile* file : erasable) {
    if (total <= max_bytes && count <= limits::kLogSegmentsPerApp) return;
    if (::unlinkat(folder.get(), file->name.c_str(), 0) != 0 && errno != ENOENT)
      throw system_error(fmt::format("erasing the old log segment {}", file->name), errno);
    total -= file->size;
    --count;
  }
}

void DirectoryLogStore::erase(std::string_view app) {
  const std::lock_guard held(mutex_);
  std::erase_if(appenders_, [&](const Appender& a) { return a.app == app; });
  std::error_code failure;
  std::filesystem::remove_all(folder_of(app), failure);
  if (failure)
    throw system_error(fmt::format("erasing the logs {}", folder_of(app).string()),
                       failure.value());
}

}  // namespace nuri::telemetry
