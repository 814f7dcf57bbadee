#include "router/compression.h"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "base/limits.h"
#include "router/compressor.h"

namespace nuri::router {
namespace {

bool may(std::string_view head, std::string_view method = "GET",
         const model::Compression& settings = {}) {
  http::HeadSpace space;
  const auto parsed = http::HeadParser(http::HeadParser::Kind::response).parse(head, space);
  EXPECT_TRUE(parsed && *parsed) << head;
  return may_compress(settings, **parsed, method);
}

std::string answer(std::string_view fields, std::string_view status = "200 OK") {
  return "HTTP/1.1 " + std::string(status) + "\r\n" + std::string(fields) + "\r\n";
}

TEST(Compression, TakesWhatTheClientLikesMost) {
  EXPECT_EQ(wanted_coding(""), Coding::none);
  EXPECT_EQ(wanted_coding("gzip, deflate, br"), Coding::gzip);
  EXPECT_EQ(wanted_coding("gzip, deflate, br, zstd"), Coding::zstd);
  EXPECT_EQ(wanted_coding("GZIP;q=1.0, zstd;q=0.5"), Coding::gzip);
  EXPECT_EQ(wanted_coding("gzip;q=0, zstd; q=0"), Coding::none);
  EXPECT_EQ(wanted_coding("gzip;q=0, *"), Coding::zstd);
  EXPECT_EQ(wanted_coding("identity, br"), Coding::none);
  EXPECT_EQ(wanted_coding("gzip;q=x"), Coding::none);
}

TEST(Compression, IsForTextThatIsWholeAndLargeEnough) {
  EXPECT_TRUE(may(answer("Content-Type: text/html; charset=utf-8\r\nContent-Length: 1024\r\n")));
  EXPECT_TRUE(may(answer("Content-Type: application/problem+json\r\n")));
  EXPECT_TRUE(may(answer("Content-Type: text/event-stream\r\n")));
  EXPECT_FALSE(may(answer("Content-Type: text/html\r\nContent-Length: 1023\r\n")));
  EXPECT_FALSE(may(answer("Content-Type: image/png\r\n")));
  EXPECT_FALSE(may(answer("")));
  EXPECT_FALSE(may(answer("Content-Type: text/html\r\n"), "HEAD"));
  EXPECT_FALSE(may(
      answer("Content-Type: text/html\r\nContent-Range: bytes 0-1/9\r\n", "206 Partial Content")));
  EXPECT_FALSE(may(answer("Content-Type: text/html\r\n", "304 Not Modified")));
}

TEST(Compression, LeavesAloneWhatIsCompressedOrMustNotBe) {
  EXPECT_FALSE(may(answer("Content-Type: text/html\r\nContent-Encoding: br\r\n")));
  EXPECT_FALSE(may(answer("Content-Type: text/html\r\nContent-Digest: sha-256=:x=:\r\n")));
  EXPECT_FALSE(may(answer("Content-Type: text/html\r\nCache-Control: public, no-transform\r\n")));
}

TEST(Compression, TypesOfTheRouteTakeThePlaceOfTheUsualOnes) {
  const model::Compression own{.types = {"image/*", "text/html"}, .min_bytes = 1};
  EXPECT_TRUE(may(answer("Content-Type: image/png\r\n"), "GET", own));
  EXPECT_TRUE(may(answer("Content-Type: Text/HTML;x\r\n"), "GET", own));
  EXPECT_FALSE(may(answer("Content-Type: text/css\r\n"), "GET", own));
}

TEST(Compression, StrongEtagsBecomeWeak) {
  EXPECT_EQ(weak_etag("\"x\""), "W/\"x\"");
  EXPECT_EQ(weak_etag("W/\"x\""), "W/\"x\"");
}

std::string gunzipped(const std::string& bytes) {
  z_stream stream{};
  EXPECT_EQ(::inflateInit2(&stream, 15 + 16), Z_OK);
  std::string out(1 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  ::inflate(&stream, Z_SYNC_FLUSH);
  out.resize(stream.total_out);
  ::inflateEnd(&stream);
  return out;
}

std::string unzstd(const std::string& bytes) {
  std::string out(1 << 20, '\0');
  ZSTD_DStream* stream = ::ZSTD_createDStream();
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  EXPECT_FALSE(::ZSTD_isError(::ZSTD_decompressStream(stream, &to, &in)));
  ::ZSTD_freeDStream(stream);
  out.resize(to.pos);
  return out;
}

TEST(Compressor, WhatWasFlushedCanBeReadBeforeTheEnd) {
  std::size_t in_use = 0;
  for (const Coding coding : {Coding::gzip, Coding::zstd}) {
    const auto unpacked = coding == Coding::gzip ? gunzipped : unzstd;
    const auto compressor = make_compressor(coding, in_use);
    std::string out;
    ASSERT_TRUE(compressor->add("data: one\n\n", Compressor::Then::flush, out));
    EXPECT_EQ(unpacked(out), "data: one\n\n");
    const std::string large(300'000, 'x');
    ASSERT_TRUE(compressor->add(large, Compressor::Then::more, out));
    ASSERT_TRUE(compressor->add("", Compressor::Then::end, out));
    EXPECT_EQ(unpacked(out), "data: one\n\n" + large);
    EXPECT_LT(out.size(), 5000u);
  }
}

TEST(Compressor, ThereAreOnlySoMany) {
  std::size_t in_use = limits::kCompressions - 1;
  {
    const auto last = make_compressor(Coding::gzip, in_use);
    EXPECT_TRUE(last);
    EXPECT_FALSE(make_compressor(Coding::gzip, in_use));
  }
  EXPECT_TRUE(make_compressor(Coding::zstd, in_use));
  EXPECT_FALSE(make_compressor(Coding::none, in_use));
}

}  // namespace
}  // namespace nuri::router
