#pragma once

// Logs on disk: FOLDER/APP/WRITER.SEQ, written by shims, router and server, merged here when read.
// Memory of a read: its result and one block per writer, whatever the size of the segments.

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>

#include "telemetry/log_store.h"

namespace nuri::telemetry {

class SegmentWriter;

class DirectoryLogStore final : public LogStore {
 public:
  // Each app's folder is made with mode 2770, so that the files in it belong to `folder`'s group.
  explicit DirectoryLogStore(std::filesystem::path folder);
  ~DirectoryLogStore() override;

  void prepare(std::string_view app) override;
  void append(std::string_view app, const LogLine& line) override;
  std::vector<LogLine> read(std::string_view app, const LogQuery& query) const override;
  LogToken token(std::string_view app) const override;
  void trim(std::string_view app, std::uint64_t max_bytes,
            const std::set<std::string>& live_writers) override;
  void erase(std::string_view app) override;

 private:
  std::filesystem::path folder_of(std::string_view app) const;

  const std::filesystem::path folder_;
  mutable std::mutex mutex_;
};

}  // namespace nuri::telemetry
