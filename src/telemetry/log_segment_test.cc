#include "telemetry/log_segment.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <vector>

namespace nuri::telemetry {
namespace {

using testing::ElementsAre;
using testing::SizeIs;
constexpr LogSegmentStream kOut = LogSegmentStream::out;
constexpr LogSegmentStream kErr = LogSegmentStream::err;

class LogSegment : public testing::Test {
 protected:
  LogSegment() {
    std::string pattern = testing::TempDir() + "nuri_log_XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~LogSegment() override { std::filesystem::remove_all(directory_); }

  LogSegmentIdentity identity() const { return {directory_, "w-1", "APP/PROC/WEB", 2, "g-1"}; }

  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
      names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  std::vector<std::string> lines_of(const std::string& file) const {
    std::ifstream in(directory_ + "/" + file, std::ios::binary);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }

  // Records of all segments, without times.
  std::vector<std::string> records() const {
    std::vector<std::string> all;
    for (const std::string& file : files()) {
      for (const std::string& line : lines_of(file)) {
        if (!line.starts_with("nuri-log ")) all.push_back(line.substr(line.find(' ') + 1));
      }
    }
    return all;
  }

  void write(LogSegmentWriter& writer, LogSegmentStream stream, std::string_view bytes) {
    writer.write(stream, bytes, wall_, now_);
  }

  std::string directory_;
  WallTime wall_{1'700'000'000'000'000'000};
  Time now_{1'000'000'000};
};

TEST_F(LogSegment, ASegmentStartsWithItsHeaderAndHasOneRecordALine) {
  LogSegmentWriter writer(identity());
  write(writer, kOut, "hello\nwor");
  write(writer, kErr, "oops\n");
  write(writer, kOut, "ld\n\n");
  EXPECT_THAT(files(), ElementsAre("w-1.00000001"));
  EXPECT_THAT(lines_of("w-1.00000001"),
              ElementsAre("nuri-log 1 source=APP/PROC/WEB instance=2 guid=g-1",
                          "1700000000000000000 O hello", "1700000000000000000 E oops",
                          "1700000000000000000 O world", "1700000000000000000 O "));
}

TEST_F(LogSegment, NoFileIsMadeBeforeTheFirstLine) {
  LogSegmentWriter writer(identity());
  writer.tick(wall_, now_);
  EXPECT_THAT(files(), SizeIs(0));
}

TEST_F(LogSegment, ALineWithoutItsEndIsWrittenAfterAMoment) {
  LogSegmentWriter writer(identity());
  EXPECT_EQ(writer.next_tick(), kNever);
  write(writer, kOut, "name? ");
  EXPECT_EQ(writer.next_tick(), now_ + limits::kLogPartialFlush);
  writer.tick(wall_, now_);
  EXPECT_THAT(records(), SizeIs(0));
  now_ = now_ + limits::kLogPartialFlush;
  writer.tick(wall_, now_);
  EXPECT_EQ(writer.next_tick(), kNever);
  write(writer, kOut, "Kim\nnext\n");
  EXPECT_THAT(records(), ElementsAre("o name? ", "O Kim", "O next"));
}

TEST_F(LogSegment, ALongLineIsCutBetweenCharacters) {
  LogSegmentLimits limits;
  limits.line_bytes = 8;
  LogSegmentWriter writer(identity(), limits);
  write(writer, kOut,
        "1234567\xEA\xB0\x80"
        "abcdefghijk\n");
  write(writer, kErr, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\n");
  write(writer, kOut, "12345678\n");
  EXPECT_THAT(records(), ElementsAre("o 1234567",
                                     "o \xEA\xB0\x80"
                                     "abcde",
                                     "O fghijk", "e \x80\x80\x80\x80\x80\x80\x80\x80", "E \x80",
                                     "O 12345678"));
}

TEST_F(LogSegment, OldSegmentsAreRemoved) {
  LogSegmentLimits limits;
  limits.segment_bytes = 1000;
  limits.segments = 2;
  LogSegmentWriter writer(identity(), limits);
  for (int i = 0; i < 100; ++i) write(writer, kOut, std::string(70, 'x') + "\n");
  ASSERT_THAT(files(), SizeIs(2));
  for (const std::string& file : files()) {
    EXPECT_LE(std::filesystem::file_size(directory_ + "/" + file), 1000u);
    EXPECT_EQ(lines_of(file).front(), "nuri-log 1 source=APP/PROC/WEB instance=2 guid=g-1");
  }
  EXPECT_EQ(writer.dropped(), 0u);
}

TEST_F(LogSegment, AWriterGoesOnWhereItsPredecessorStopped) {
  {
    LogSegmentWriter writer(identity());
    write(writer, kOut, "one\n");
  }
  std::ofstream(directory_ + "/w-1.00000001", std::ios::app) << "17000 O to";
  LogSegmentWriter writer(identity());
  write(writer, kOut, "two\n");
  EXPECT_THAT(files(), ElementsAre("w-1.00000001"));
  EXPECT_THAT(records(), ElementsAre("O one", "O to", "O two"));
}

TEST_F(LogSegment, LinesOverTheRateAreDroppedAndCounted) {
  LogSegmentLimits limits;
  limits.lines_per_second = 10;
  limits.burst_lines = 5;
  LogSegmentWriter writer(identity(), limits);
  for (int i = 0; i < 25; ++i) write(writer, kOut, "x\n");
  EXPECT_EQ(writer.dropped(), 20u);
  EXPECT_LE(writer.next_tick(), now_);
  writer.tick(wall_, now_);
  EXPECT_THAT(records(), ElementsAre("O x", "O x", "O x", "O x", "O x", "D 20"));
  write(writer, kOut, "x\n");
  EXPECT_EQ(writer.next_tick(), now_ + 1s);
  now_ = now_ + 200ms;
  write(writer, kOut, "y\n");
  EXPECT_THAT(records(), ElementsAre("O x", "O x", "O x", "O x", "O x", "D 20", "D 1", "O y"));
}

TEST_F(LogSegment, TheRestOfADroppedLineIsDroppedWithIt) {
  LogSegmentLimits limits;
  limits.bytes_per_second = 10;
  limits.burst_bytes = 10;
  limits.line_bytes = 8;
  LogSegmentWriter writer(identity(), limits);
  write(writer, kOut, "aaaaaaaabbbbbbbbcc\n");
  now_ = now_ + 1s;
  write(writer, kOut, "d\n");
  EXPECT_EQ(writer.dropped(), 1u);
  EXPECT_THAT(records(), ElementsAre("o aaaaaaaa", "D 1", "O d"));
}

TEST_F(LogSegment, AMissingDirectoryIsNoTroubleAndCounted) {
  LogSegmentIdentity where = identity();
  where.directory += "/later";
  LogSegmentWriter writer(where);
  write(writer, kOut, "lost\nlost\n");
  EXPECT_EQ(writer.dropped(), 2u);
  std::filesystem::create_directory(where.directory);
  now_ = now_ + 1s;
  write(writer, kOut, "kept\n");
  std::ifstream in(where.directory + "/w-1.00000001");
  std::string head, drops, line;
  std::getline(in, head), std::getline(in, drops), std::getline(in, line);
  EXPECT_EQ(drops, "1700000000000000000 D 2");
  EXPECT_EQ(line, "1700000000000000000 O kept");
}

TEST_F(LogSegment, AFullDiskLosesLinesButNoRecordIsTorn) {
  ASSERT_EQ(::geteuid(), 0u) << "this test mounts a small file system: run it as root";
  ASSERT_EQ(::mount("tmpfs", directory_.c_str(), "tmpfs", 0, "size=64k"), 0);
  struct Unmount {
    std::string where;
    ~Unmount() { ::umount2(where.c_str(), MNT_DETACH); }
  } unmount{directory_};
  std::ofstream(directory_ + "/z") << std::string(30'000, 'z');
  LogSegmentWriter writer(identity());
  for (int i = 0; i < 100; ++i) write(writer, kOut, std::string(1499, 'x') + "\n");
  EXPECT_GT(writer.dropped(), 50u);
  std::filesystem::remove(directory_ + "/z");
  EXPECT_EQ(records().size() + writer.dropped(), 100u);
  write(writer, kOut, "room again\n");
  for (const std::string& record : records()) {
    EXPECT_TRUE(record.starts_with("O ") || record.starts_with("D ")) << record.substr(0, 40);
  }
  EXPECT_EQ(records().back(), "O room again");
}

}  // namespace
}  // namespace nuri::telemetry
