#include "telemetry/log_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <memory>
#include <thread>

#include "base/error.h"
#include "base/random.h"
#include "telemetry/directory_log_store.h"
#include "telemetry/log_reader.h"
#include "telemetry/log_segment.h"
#include "telemetry/memory_log_store.h"

namespace nuri::telemetry {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kApp = "0a5d2f5e-6d0c-4a58-8f8f-6d1d2a0f7a11";

class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (fs::temp_directory_path() / "nuri-logs-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw system_error("making a scratch folder", errno);
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

std::vector<std::string> texts(const std::vector<LogLine>& lines) {
  std::vector<std::string> out;
  for (const LogLine& line : lines) out.push_back(line.text);
  return out;
}
using Texts = std::vector<std::string>;

std::string first_difference(const Texts& got, const Texts& wanted) {
  std::size_t i = 0;
  while (i < got.size() && i < wanted.size() && got[i] == wanted[i]) ++i;
  const auto show = [&](const Texts& t) { return i < t.size() ? t[i].substr(0, 60) : "the end"; };
  return " line " + std::to_string(i) + ": " + show(got) + " instead of " + show(wanted);
}

LogLine line(std::int64_t ns, std::string text, std::string source = "STG",
             LogStream stream = LogStream::out) {
  return {ns, std::move(source), "0", stream, std::move(text)};
}

// The contract, against both implementations.
class LogStoreTest : public testing::TestWithParam<bool> {
 protected:
  LogStoreTest() {
    if (GetParam())
      store_ = std::make_unique<DirectoryLogStore>(scratch_.path() / "logs");
    else
      store_ = std::make_unique<MemoryLogStore>();
    store_->prepare(kApp);
  }
  ScratchFolder scratch_;
  std::unique_ptr<LogStore> store_;
};

TEST_P(LogStoreTest, ReadsBackInOrderWhoeverWrote) {
  store_->append(kApp, line(30, "third", "API"));
  store_->append(kApp, line(10, "first"));
  store_->append(kApp, {20, "RTR", "2", LogStream::err, "second"});
  const std::vector<LogLine> lines = store_->read(kApp, {});
  EXPECT_EQ(texts(lines), (Texts{"first", "second", "third"}));
  EXPECT_EQ(lines[1], (LogLine{20, "RTR", "2", LogStream::err, "second"}));
  EXPECT_EQ(texts(store_->read(kApp, {.descending = true, .sources = {}})),
            (Texts{"third", "second", "first"}));
}

TEST_P(LogStoreTest, TheRangeIncludesItsStartAndNotItsEnd) {
  for (int i = 1; i <= 5; ++i) store_->append(kApp, line(i * 10, std::to_string(i)));
  EXPECT_EQ(texts(store_->read(kApp, {.start_ns = 20, .end_ns = 40, .sources = {}})),
            (Texts{"2", "3"}));
  EXPECT_EQ(
      texts(store_->read(kApp, {.start_ns = 20, .end_ns = 40, .descending = true, .sources = {}})),
      (Texts{"3", "2"}));
  EXPECT_EQ(texts(store_->read(kApp, {.limit = 2, .sources = {}})), (Texts{"1", "2"}));
  EXPECT_EQ(texts(store_->read(kApp, {.limit = 2, .descending = true, .sources = {}})),
            (Texts{"5", "4"}));
  EXPECT_TRUE(store_->read(kApp, {.start_ns = 51, .sources = {}}).empty());
}

TEST_P(LogStoreTest, ALimitOverTheLargestIsCutToIt) {
  for (int i = 0; i < 1100; ++i) store_->append(kApp, line(i, "x"));
  EXPECT_EQ(store_->read(kApp, {.limit = 5000, .sources = {}}).size(), kLogReadLimit);
}

TEST_P(LogStoreTest, SourcesAreChosenByNameOrByItsBeginning) {
  store_->append(kApp, line(1, "web", "APP/PROC/WEB"));
  store_->append(kApp, line(2, "build"));
  store_->append(kApp, line(3, "other", "APPLE"));
  EXPECT_EQ(texts(store_->read(kApp, {.sources = {"APP"}})), (Texts{"web"}));
  EXPECT_EQ(texts(store_->read(kApp, {.sources = {"STG", "APP/PROC/WEB"}})),
            (Texts{"web", "build"}));
}

TEST_P(LogStoreTest, TextWithLineEndsBecomesSeveralLines) {
  store_->append(kApp, line(1, "a\n\nb\n"));
  EXPECT_EQ(texts(store_->read(kApp, {})), (Texts{"a", "", "b"}));
  store_->append(kApp, line(2, ""));
  EXPECT_EQ(store_->read(kApp, {}).size(), 4u);
}

TEST_P(LogStoreTest, TheTokenChangesWithEveryLineAndOnlyThen) {
  const LogToken empty = store_->token(kApp);
  store_->append(kApp, line(1, "a"));
  const LogToken one = store_->token(kApp);
  EXPECT_NE(one, empty);
  EXPECT_EQ(store_->token(kApp), one);
  store_->append(kApp, line(1, "a"));
  EXPECT_NE(store_->token(kApp), one);
}

TEST_P(LogStoreTest, AnErasedAppHasNoLinesAndOthersKeepTheirs) {
  store_->prepare("other");
  store_->append(kApp, line(1, "a"));
  store_->append("other", line(1, "b"));
  store_->erase(kApp);
  store_->append(kApp, line(2, "too late"));
  EXPECT_TRUE(store_->read(kApp, {}).empty());
  EXPECT_EQ(store_->read("other", {}).size(), 1u);
  EXPECT_TRUE(store_->read("never-seen", {}).empty());
}

INSTANTIATE_TEST_SUITE_P(Both, LogStoreTest, testing::Bool(),
                         [](const auto& p) { return p.param ? "Directory" : "Memory"; });

// Segments written by hand.
class LogSegmentsTest : public testing::Test {
 protected:
  LogSegmentsTest() { store_.prepare(kApp); }
  void segment(const std::string& name, const std::string& records,
               const std::string& header = "nuri-log 1 source=APP/PROC/WEB instance=1 guid=g\n") {
    std::ofstream(folder() / name, std::ios::binary) << header << records;
  }
  fs::path folder() const { return store_.folder_of(kApp); }
  Texts forward() { return texts(store_.read(kApp, {.limit = 1000, .sources = {}})); }
  Texts backward() {
    Texts out = texts(store_.read(kApp, {.limit = 1000, .descending = true, .sources = {}}));
    std::ranges::reverse(out);
    return out;
  }
  void expect(const Texts& wanted) {
    EXPECT_EQ(forward(), wanted);
    EXPECT_EQ(backward(), wanted);
  }

  ScratchFolder scratch_;
  DirectoryLogStore store_{scratch_.path() / "logs"};
};

TEST_F(LogSegmentsTest, FoldersBelongToTheGroupOfTheLogs) {
  struct stat st;
  ASSERT_EQ(::stat(folder().c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 02770u);
  EXPECT_THROW(store_.prepare("../evil"), Error);
  EXPECT_THROW((void)store_.read("a/b", {}), Error);
}

TEST_F(LogSegmentsTest, WritersAndTheirSegmentsAreMerged) {
  segment("a.00000001", "1 O a1\n3 E a2\n");
  segment("a.00000002", "5 O a3\n");
  segment("a.00000010", "9 O a4\n");
  segment("b.00000001", "2 O b1\n4 O b2\n8 O b3\n",
          "nuri-log 1 source=RTR instance=0 guid=g new=key\n");
  expect({"a1", "b1", "a2", "b2", "a3", "b3", "a4"});
  EXPECT_EQ(store_.read(kApp, {.limit = 2, .sources = {}})[1],
            (LogLine{2, "RTR", "0", LogStream::out, "b1"}));
}

TEST_F(LogSegmentsTest, PartsOfLinesAreJoinedAcrossStreamsAndSegments) {
  segment("a.00000001", "1 o one \n2 e err \n3 o two \n4 E end\n5 O three\n6 o across \n");
  segment("a.00000002", "7 O segments\n8 O whole\n");
  expect({"err end", "one two three", "across segments", "whole"});
}

TEST_F(LogSegmentsTest, ALineWithoutItsEndIsShownAsFarAsItGoes) {
  segment("a.00000001", "1 O x\n2 o last words");
  expect({"x"});
  segment("a.00000001", "1 O x\n2 o last words\n");
  expect({"x", "last words"});
  segment("a.00000001", "1 O x\n2 o last words\n3 O , ended\n");
  expect({"x", "last words, ended"});
}

TEST_F(LogSegmentsTest, DroppedLinesAreToldAndEndLinesInProgress) {
  segment("a.00000001", "1 o begun\n2 D 17\n3 O fresh\n4 D 1\n");
  expect({"begun", "[17 lines dropped: too many at once, or the disk is full]", "fresh",
          "[1 line dropped: too many at once, or the disk is full]"});
}

TEST_F(LogSegmentsTest, TornRecordsAndForeignFilesAreSkipped) {
  segment("a.00000001", "1 O good\nrubbish\n\n99\n2 X what\n3 O\n4 O also good\n5 O half");
  segment("a.00000002", "1 O future\n", "nuri-log 2 source=APP instance=0\n");
  segment("a.00000003", "", "nuri-lo");
  segment("notes.txt", "1 O no\n");
  fs::create_symlink("/etc/passwd", folder() / "l.00000001");
  expect({"good", "also good"});
}

TEST_F(LogSegmentsTest, BytesAreKeptAsTheyAre) {
  const std::string odd("a\r\0\xff b", 6);
  segment("a.00000001", "1 O " + odd + "\n2 O \n");
  expect({odd, ""});
}

TEST_F(LogSegmentsTest, AGarbageLineLongerThanAnyWindowIsSkipped) {
  segment("a.00000001", "1 O first\n" + std::string(200'000, 'g') + "\n2 O second\n");
  expect({"first", "second"});
}

TEST_F(LogSegmentsTest, TooLongALineIsCutIntoPieces) {
  std::string records;
  for (int i = 1; i <= 6; ++i)
    records += std::to_string(i) + " o " + std::string(16'000, 'a') + "\n";
  segment("a.00000001", records + "7 O end\n");
  for (const Texts& lines : {forward(), backward()}) {
    std::size_t total = 0;
    for (const std::string& text : lines) {
      EXPECT_LE(text.size(), limits::kLogJoinedBytes);
      total += text.size();
    }
    EXPECT_EQ(total, 96'003u);
    EXPECT_EQ(lines.size(), 2u);
  }
}

// What is read does not depend on the direction, the page size or where windows and segments end.
TEST_F(LogSegmentsTest, BothDirectionsAndAllPageSizesAgree) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SeededRandom random(seed);
    Texts wanted;
    std::int64_t ns = 1'000;
    for (const char* writer : {"a", "b", "c"}) {
      std::string partial[2];
      for (int part = 1; part <= 3; ++part) {
        std::string records;
        const std::uint64_t count = random.below(300);
        for (std::uint64_t i = 0; i < count; ++i) {
          const bool err = random.chance(30), more = random.chance(20);
          const std::string text = std::to_string(ns) + std::string(random.below(400), 'x');
          records += std::to_string(++ns) +
                     (err ? (more ? " e " : " E ") : (more ? " o " : " O ")) + text + "\n";
          partial[err] += text;
          if (more) continue;
          wanted.push_back(std::move(partial[err]));
          partial[err].clear();
        }
        segment(std::string(writer) + ".0000000" + std::to_string(part), records);
      }
      std::string ends;
      for (int s : {0, 1})
        if (!partial[s].empty()) {
          ends += std::to_string(++ns) + (s == 1 ? " E end\n" : " O end\n");
          wanted.push_back(partial[s] + "end");
        }
      segment(std::string(writer) + ".00000004", ends);
    }
    Texts up, down;
    for (std::int64_t from = INT64_MIN;;) {
      const auto page =
          store_.read(kApp, {.start_ns = from, .limit = 1 + random.below(500), .sources = {}});
      if (page.empty()) break;
      for (const LogLine& l : page) up.push_back(l.text);
      from = page.back().ns + 1;
    }
    for (std::int64_t to = INT64_MAX;;) {
      const auto page = store_.read(
          kApp, {.end_ns = to, .limit = 1 + random.below(500), .descending = true, .sources = {}});
      if (page.empty()) break;
      for (const LogLine& l : page) down.push_back(l.text);
      to = page.back().ns;
    }
    std::ranges::reverse(down);
    ASSERT_TRUE(up == wanted) << "seed " << seed << first_difference(up, wanted);
    ASSERT_TRUE(down == wanted) << "seed " << seed << first_difference(down, wanted);
  }
}

std::uint64_t bytes_read_so_far() {
  std::ifstream io("/proc/self/io");
  std::string key;
  std::uint64_t value = 0;
  io >> key >> value;
  EXPECT_EQ(key, "rchar:");
  return value;
}

TEST_F(LogSegmentsTest, ReadingTheEndOrTheMiddleOfABigSegmentReadsLittleOfIt) {
  std::string records;
  constexpr int kLines = 400'000;
  for (int i = 0; i < kLines; ++i)
    records += std::to_string(i * 1'000'000'000LL) + " O line " + std::to_string(i) + " " +
               std::string(40, '.') + "\n";
  ASSERT_GT(records.size(), std::size_t{20} << 20);
  segment("a.00000001", records);
  const std::uint64_t before = bytes_read_so_far();
  const auto end = store_.read(kApp, {.limit = 10, .descending = true, .sources = {}});
  ASSERT_EQ(end.size(), 10u);
  EXPECT_EQ(end[0].ns, (kLines - 1) * 1'000'000'000LL);
  const auto middle =
      store_.read(kApp, {.start_ns = 200'000'000'000'000, .limit = 10, .sources = {}});
  ASSERT_EQ(middle.size(), 10u);
  EXPECT_EQ(middle[0].ns, 200'000'000'000'000);
  const auto middle_down = store_.read(
      kApp, {.end_ns = 200'000'000'000'000, .limit = 10, .descending = true, .sources = {}});
  ASSERT_EQ(middle_down.size(), 10u);
  EXPECT_EQ(middle_down[0].ns, 199'999'000'000'000);
  EXPECT_LT(bytes_read_so_far() - before, std::uint64_t{2} << 20);
}

TEST_F(LogSegmentsTest, WhatWasLastWrittenBeforeTheRangeIsNotEvenOpened) {
  segment("a.00000001", "1 O old\n");
  ASSERT_EQ(::chmod((folder() / "a.00000001").c_str(), 0640), 0);
  const std::uint64_t before = bytes_read_so_far();
  const std::int64_t tomorrow =
      std::chrono::duration_cast<std::chrono::nanoseconds>(
          fs::last_write_time(folder() / "a.00000001").time_since_epoch() -
          fs::file_time_type::clock::from_sys(std::chrono::sys_seconds{}).time_since_epoch())
          .count() +
      86'400'000'000'000;
  EXPECT_TRUE(store_.read(kApp, {.start_ns = tomorrow, .sources = {}}).empty());
  EXPECT_LT(bytes_read_so_far() - before, 1'000u);
}

TEST_F(LogSegmentsTest, TrimErasesTheOldestAndNeverWhatIsWrittenNow) {
  const std::string kib(1000, 'x');
  const auto dated = [&](const std::string& name, int age) {
    segment(name, "1 O " + kib + "\n");
    fs::last_write_time(folder() / name,
                        fs::file_time_type::clock::now() - std::chrono::hours(age));
  };
  dated("live.00000001", 9);
  dated("live.00000002", 8);
  dated("gone.00000001", 7);
  dated("server-STG-0.00000001", 6);
  dated("new.00000001", 1);
  store_.trim(kApp, 3'300, {"live"});
  EXPECT_FALSE(fs::exists(folder() / "live.00000001"));
  EXPECT_FALSE(fs::exists(folder() / "gone.00000001"));
  EXPECT_TRUE(fs::exists(folder() / "new.00000001"));
  store_.trim(kApp, 0, {"live"});
  EXPECT_FALSE(fs::exists(folder() / "new.00000001"));
  EXPECT_TRUE(fs::exists(folder() / "live.00000002"));
  EXPECT_TRUE(fs::exists(folder() / "server-STG-0.00000001"));
}

TEST_F(LogSegmentsTest, TrimAlsoBoundsTheNumberOfSegments) {
  for (std::size_t i = 0; i < limits::kLogSegmentsPerApp + 20; ++i)
    segment("w" + std::to_string(i) + ".00000001", "1 O x\n");
  store_.trim(kApp, UINT64_MAX, {});
  EXPECT_EQ(list_segments(::open(folder().c_str(), O_RDONLY)).size(), limits::kLogSegmentsPerApp);
}

// A writer that rotates all the time, and readers in both directions.
TEST_F(LogSegmentsTest, ReadersSeeWholeLinesInOrderWhileSegmentsRotate) {
  std::atomic<bool> done = false;
  std::thread writer([&] {
    LogSegmentWriter out({folder().string(), "w", "APP/PROC/WEB", 0, "g"},
                         {.segment_bytes = 4096,
                          .lines_per_second = 1 << 30,
                          .burst_lines = 1 << 30,
                          .bytes_per_second = 1 << 30,
                          .burst_bytes = 1 << 30});
    for (std::int64_t i = 1; i <= 20'000; ++i)
      out.line(LogSegmentStream::out, "line " + std::to_string(i), WallTime{i}, Time{i});
    done = true;
  });
  std::int64_t newest = 0;
  while (!done || newest < 20'000) {
    const bool was_done = done;
    for (const bool descending : {false, true}) {
      std::vector<LogLine> lines =
          store_.read(kApp, {.limit = 1000, .descending = descending, .sources = {}});
      if (descending) std::ranges::reverse(lines);
      for (std::size_t i = 0; i < lines.size(); ++i) {
        ASSERT_EQ(lines[i].text, "line " + std::to_string(lines[i].ns));
        ASSERT_TRUE(i == 0 || lines[i].ns > lines[i - 1].ns);
      }
      if (descending && !lines.empty()) newest = lines.back().ns;
    }
    if (was_done) break;
  }
  writer.join();
  EXPECT_EQ(newest, 20'000);
}

TEST(LogRecordTest, ParsesWhatTheFormatSays) {
  const auto record = parse_record("1700000000000000001 e some text ");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->ns, 1700000000000000001);
  EXPECT_EQ(record->letter, 'e');
  EXPECT_EQ(record->text, "some text ");
  for (const char* bad :
       {"", "1", "1 ", "1 O", "x O y", "1  O y", "1 Q y", "99999999999999999999 O y"})
    EXPECT_FALSE(parse_record(bad)) << bad;
  EXPECT_TRUE(parse_record("1 O "));
}

TEST(LogRecordTest, ParsesHeaders) {
  const auto header =
      parse_segment_header("nuri-log 1 source=APP/TASK instance=3 guid=abc colour=red odd");
  ASSERT_TRUE(header);
  EXPECT_EQ(header->source, "APP/TASK");
  EXPECT_EQ(header->instance, "3");
  EXPECT_EQ(header->guid, "abc");
  for (const char* bad :
       {"", "nuri-log", "nuri-log 2 source=x", "nuri-log 10 source=x", "nuri-log 1", "1 O x"})
    EXPECT_FALSE(parse_segment_header(bad)) << bad;
}

}  // namespace
}  // namespace nuri::telemetry
