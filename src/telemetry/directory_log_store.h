#pragma once

// Logs on disk: FOLDER/APP/WRITER.SEQ (docs/formats/logs.md), written by shims, router and server,
// merged here when read. Memory of a read: its result and a window of each writer, whatever the
// size of the segments.

#include <filesystem>
#include <list>
#include <memory>
#include <mutex>

#include "telemetry/log_store.h"

namespace nuri::telemetry {

class LogSegmentWriter;

class DirectoryLogStore final : public LogStore {
 public:
  // Apps' folders are made with mode 2770, so that the files in them belong to `folder`'s group.
  // `folder` is made if missing.
  explicit DirectoryLogStore(std::filesystem::path folder);
  ~DirectoryLogStore() override;

  void prepare(std::string_view app) override;
  void append(std::string_view app, const LogLine& line) override;
  std::vector<LogLine> read(std::string_view app, const LogQuery& query) const override;
  LogToken token(std::string_view app) const override;
  void trim(std::string_view app, std::uint64_t max_bytes,
            const std::set<std::string>& live_writers) override;
  void erase(std::string_view app) override;

  // Where the app's writers put their segments. Throws bad_request for what is no name of a folder.
  std::filesystem::path folder_of(std::string_view app) const;

 private:
  struct Appender {
    std::string app;
    std::string name;
    std::unique_ptr<LogSegmentWriter> writer;
  };
  LogSegmentWriter& appender(std::string_view app, const LogLine& line);

  const std::filesystem::path folder_;
  std::mutex mutex_;
  std::list<Appender> appenders_;  // the last used first
};

}  // namespace nuri::telemetry
