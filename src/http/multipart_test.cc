#include "http/multipart.h"

#include <gtest/gtest.h>

#include "async/simulated_loop.h"
#include "base/limits.h"

namespace nuri::http {
namespace {

class PiecewiseBody final : public Body {
 public:
  PiecewiseBody(std::string_view text, std::size_t piece) : text_(text), piece_(piece) {}
  Task<IoResult<async::Chunk>> read() override {
    const std::string_view now = text_.substr(0, piece_);
    text_.remove_prefix(now.size());
    co_return async::Chunk::copy_of(now);
  }
  std::optional<std::uint64_t> length() const override { return std::nullopt; }
  bool at_end() const { return text_.empty(); }

 private:
  std::string_view text_;
  std::size_t piece_;
};

Task<std::string> read_parts(std::string_view text, std::size_t piece, bool contents) {
  PiecewiseBody body(text, piece);
  MultipartReader reader(body, "B");
  std::string out;
  for (;;) {
    auto part = co_await reader.next();
    if (!part) co_return out + "!" + std::string(describe(part.error()));
    if (!*part) break;
    out += (*part)->name;
    if ((*part)->filename) out += "(" + *(*part)->filename + ")";
    if (contents) {
      auto content = co_await read_all(*(*part)->body, 1 << 20);
      if (!content) co_return out + "!" + std::string(describe(content.error()));
      out += "=" + *content;
    }
    out += ";";
  }
  EXPECT_TRUE(body.at_end());
  co_return out;
}

std::string parts_of(std::string_view text, bool contents = true) {
  async::SimulatedLoop loop(1);
  std::string whole = loop.run(read_parts(text, text.size() + 1, contents));
  for (std::size_t piece = 1; piece < std::min<std::size_t>(text.size(), 200); ++piece)
    EXPECT_EQ(loop.run(read_parts(text, piece, contents)), whole) << piece;
  return whole;
}

#define PART(name) "Content-Disposition: form-data; name=\"" name "\"\r\n"

TEST(Multipart, ReadsPartsHoweverTheyAreCut) {
  EXPECT_EQ(parts_of("--B\r\n" PART(
                "a") "\r\none\r\n--B\r\n"
                     "content-type: x/y\r\nContent-Disposition: form-data; name=b; "
                     "filename=\"p \\\"q\\\".zip\"\r\n\r\n\r\n-\r\n--\r\n--C\r\n--B--\r\n"),
            "a=one;b(p \"q\".zip)=\r\n-\r\n--\r\n--C;");
  EXPECT_EQ(parts_of("preamble\r\n--B \t\r\n" PART("a") "\r\n\r\n--B--epilogue\r\n--B\r\n"), "a=;");
  EXPECT_EQ(parts_of("--B--"), "");
}

TEST(Multipart, PassesOverContentThatNobodyReads) {
  EXPECT_EQ(parts_of("--B\r\n" PART("a") "\r\none\r\n--B\r\n" PART("b") "\r\ntwo\r\n--B--", false),
            "a;b;");
}

TEST(Multipart, RefusesWhatIsMalformed) {
  EXPECT_EQ(parts_of("--B\r\n" PART("a") "\r\none"), "a!the connection ended early");
  EXPECT_EQ(parts_of("--B\r\n" PART("a") "\r\none\r\n--B"), "a=one;!the connection ended early");
  EXPECT_EQ(parts_of("--Bx\r\n"), "!the peer broke the protocol");
  EXPECT_EQ(parts_of("--B\r\n\r\none\r\n--B--"), "!the peer broke the protocol");
  EXPECT_EQ(parts_of("--B\r\nA: b\r\n\r\none\r\n--B--"), "!the peer broke the protocol");
  EXPECT_EQ(parts_of("--B\r\nContent-Disposition: form-data\r\n\r\none\r\n--B--"),
            "!the peer broke the protocol");
  EXPECT_EQ(parts_of("--B\r\nContent-Disposition: file; name=a\r\n\r\none\r\n--B--"),
            "!the peer broke the protocol");
  EXPECT_EQ(parts_of("--B\r\n" PART("a") "A b: c\r\n\r\none\r\n--B--"),
            "!the peer broke the protocol");
  EXPECT_EQ(parts_of(std::string(9000, 'x')), "!the peer broke the protocol");
}

TEST(Multipart, LimitsHeadsAndParts) {
  async::SimulatedLoop loop(1);
  const std::string fat =
      "--B\r\n" PART("a") "X: " + std::string(limits::kPartHeadBytes, 'x') + "\r\n\r\n";
  EXPECT_EQ(loop.run(read_parts(fat, 4096, true)), "!over the limit");
  std::string many;
  for (std::size_t i = 0; i <= limits::kParts; ++i) many += "--B\r\n" PART("a") "\r\n\r\n";
  EXPECT_TRUE(loop.run(read_parts(many + "--B--", 4096, true)).ends_with("!over the limit"));
}

TEST(Multipart, FindsTheBoundary) {
  const auto boundary = MultipartReader::boundary_of;
  EXPECT_EQ(boundary("multipart/form-data; boundary=abc"), "abc");
  EXPECT_EQ(boundary("Multipart/Form-Data;charset=x; Boundary=\"a b;c\""), "a b;c");
  EXPECT_EQ(boundary("multipart/form-data"), std::nullopt);
  EXPECT_EQ(boundary("multipart/mixed; boundary=abc"), std::nullopt);
  EXPECT_EQ(boundary("multipart/form-data; boundary="), std::nullopt);
  EXPECT_EQ(boundary("multipart/form-data; boundary=\"abc"), std::nullopt);
  EXPECT_EQ(boundary("multipart/form-data; boundary=" + std::string(71, 'x')), std::nullopt);
}

}  // namespace
}  // namespace nuri::http
