#include "router/http1_reader.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace nuri::router {
namespace {

using Kind = Http1Reader::Part::Kind;

// What a message is taken apart to: "200 " for a head, "(empty)" after one without content,
// "[data]", "end", trailers as " name=value", "!" for a refusal; "|rest" if bytes are left.
class Reading {
 public:
  explicit Reading(Http1Reader reader) : reader_(std::move(reader)) {}

  void feed(std::string_view bytes) {
    for (;;) {
      const auto part = reader_.next(bytes, space_);
      if (!part) {
        out_ += "!";
        return;
      }
      if (part->kind == Kind::nothing) break;
      take(*part);
    }
    if (!bytes.empty()) rest_ += bytes;
  }
  std::string close() {
    finish_data();
    return out_ + (reader_.close() ? " closed" : " cut");
  }
  std::string text() {
    finish_data();
    return out_ + (rest_.empty() ? "" : "|" + rest_);
  }
  Http1Reader& reader() { return reader_; }

 private:
  void take(const Http1Reader::Part& part) {
    if (part.kind == Kind::data) {
      data_ += part.data;
      return;
    }
    finish_data();
    if (part.kind == Kind::head) {
      out_ += part.head->method.empty() ? fmt::to_string(part.head->status)
                                        : std::string(part.head->method);
      if (const auto value = part.head->find("X")) out_.append("(").append(*value).append(")");
      if (part.empty) out_ += "(empty)";
      out_ += ' ';
    } else {
      out_ += "end";
      for (const auto& field : reader_.trailer())
        out_ += fmt::format(" {}={}", field.name, field.value);
    }
  }
  void finish_data() {
    if (!data_.empty()) out_ += "[" + std::exchange(data_, {}) + "] ";
  }

  Http1Reader reader_;
  http::HeadSpace space_;
  std::string out_, data_, rest_;
};

// The same, however the bytes are split.
void check(const Http1Reader& reader, std::string_view text, std::string_view expected) {
  Reading whole(reader);
  whole.feed(text);
  EXPECT_EQ(whole.text(), expected) << text;
  for (std::size_t at = 0; at <= text.size(); ++at) {
    Reading split(reader);
    split.feed(text.substr(0, at));
    split.feed(text.substr(at));
    ASSERT_EQ(split.text(), expected) << "split at " << at << " of " << text;
  }
  Reading single(reader);
  for (std::size_t n = 0; n < text.size(); ++n) single.feed(text.substr(n, 1));
  EXPECT_EQ(single.text(), expected) << "byte by byte: " << text;
}

TEST(Http1Reader, TakesAnAnswerOfALengthApart) {
  check(Http1Reader::of_answer("GET"), "HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 5\r\n\r\nhello",
        "200(y) [hello] end");
}

TEST(Http1Reader, LeavesWhatFollowsTheMessage) {
  check(Http1Reader::of_answer("GET"), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1",
        "200 [hi] end|HTTP/1.1");
}

TEST(Http1Reader, AnAnswerOfLengthZeroIsEmpty) {
  check(Http1Reader::of_answer("GET"), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "200(empty) end");
}

TEST(Http1Reader, InterimAnswersComeAsHeadsBeforeTheFinalOne) {
  check(Http1Reader::of_answer("POST"),
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX: h\r\n\r\n"
        "HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 1\r\n\r\na",
        "100 103(h) 200(y) [a] end");
}

TEST(Http1Reader, AnswersWithoutContentAreEmptyWhateverTheyAnnounce) {
  check(Http1Reader::of_answer("HEAD"), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        "200(empty) end");
  check(Http1Reader::of_answer("HEAD"), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "200(empty) end");
  check(Http1Reader::of_answer("GET"), "HTTP/1.1 204 No Content\r\n\r\n", "204(empty) end");
  check(Http1Reader::of_answer("GET"), "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        "304(empty) end");
}

TEST(Http1Reader, ChunksAreTakenApartAndTheTrailerIsKept) {
  check(Http1Reader::of_answer("GET"),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum:  1 \r\nY:\r\nZ: a:b\r\n\r\n",
        "200 [hello world] end X-Sum=1 Y= Z=a:b");
  check(Http1Reader::of_answer("GET"),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "200 end");
}

TEST(Http1Reader, AnAnswerWithoutALengthLastsUntilItsSenderCloses) {
  Reading answer(Http1Reader::of_answer("GET"));
  answer.feed("HTTP/1.1 200 OK\r\n\r\nsome");
  answer.feed(" more");
  EXPECT_FALSE(answer.reader().ended());
  EXPECT_EQ(answer.close(), "200 [some more]  closed");
  EXPECT_TRUE(answer.reader().ended());
}

TEST(Http1Reader, ClosingEarlierCutsAMessageShort) {
  const std::string_view texts[] = {
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
      "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 100 Continue\r\n\r\n", ""};
  for (const auto text : texts) {
    Reading answer(Http1Reader::of_answer("GET"));
    answer.feed(text);
    EXPECT_TRUE(answer.close().ends_with(" cut")) << text;
    EXPECT_FALSE(answer.reader().ended());
  }
}

TEST(Http1Reader, TakesRequestsApart) {
  check(Http1Reader::of_request(), "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n",
        "GET(y)(empty) end");
  check(Http1Reader::of_request(),
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /", "POST [abc] end|GET /");
  check(
      Http1Reader::of_request(),
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nT: v\r\n\r\n",
      "POST [a] end T=v");
}

TEST(Http1Reader, RefusesWhatIsNoMessage) {
  const std::string_view texts[] = {
      "nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nbad trailer\r\n\r\n"};
  for (const auto text : texts) {
    Reading answer(Http1Reader::of_answer("GET"));
    answer.feed(text);
    EXPECT_TRUE(answer.text().ends_with("!")) << answer.text() << " for " << text;
  }
}

TEST(Http1Reader, AHeadThatNeverEndsIsRefusedAtTheLimit) {
  Reading answer(Http1Reader::of_answer("GET"));
  answer.feed("HTTP/1.1 200 OK\r\n");
  const std::string line = "X-Much: " + std::string(1000, 'x') + "\r\n";
  for (std::size_t n = 0; n < limits::kHeadBytes / line.size() + 2 && answer.text().empty(); ++n)
    answer.feed(line);
  EXPECT_EQ(answer.text(), "!");
}

}  // namespace
}  // namespace nuri::router
