#include "router/compressor.h"

#include <zlib.h>
#include <zstd.h>

#include <array>

#include "base/limits.h"

namespace nuri::router {
namespace {

constexpr std::size_t kPieceBytes = 8 * limits::kKiB;

class Gzip final : public Compressor {
 public:
  explicit Gzip(std::size_t& in_use) : Compressor(in_use) {
    constexpr int kLevel = 5, kWindowBits = 15 + 16, kMemory = 8;  // + 16: with gzip's frame
    good_ = ::deflateInit2(&stream_, kLevel, Z_DEFLATED, kWindowBits, kMemory,
                           Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~Gzip() override {
    if (good_) ::deflateEnd(&stream_);
  }
  bool good() const { return good_; }

  bool add(std::string_view data, Then then, std::string& out) override {
    std::array<char, kPieceBytes> piece;
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
    stream_.avail_in = static_cast<uInt>(data.size());
    const int how = then == Then::end ? Z_FINISH : then == Then::flush ? Z_SYNC_FLUSH : Z_NO_FLUSH;
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(piece.data());
      stream_.avail_out = piece.size();
      if (::deflate(&stream_, how) == Z_STREAM_ERROR) return false;
      out.append(piece.data(), piece.size() - stream_.avail_out);
    } while (stream_.avail_out == 0);
    return true;
  }

 private:
  z_stream stream_{};
  bool good_ = false;
};

class Zstd final : public Compressor {
 public:
  explicit Zstd(std::size_t& in_use) : Compressor(in_use), context_(::ZSTD_createCCtx()) {
    if (!context_) return;
    // Its usual tables would weigh 1.7 MiB; text is packed as well with these.
    constexpr std::array<std::pair<ZSTD_cParameter, int>, 4> kSmall{{{ZSTD_c_compressionLevel, 3},
                                                                     {ZSTD_c_windowLog, 15},
                                                                     {ZSTD_c_hashLog, 14},
                                                                     {ZSTD_c_chainLog, 13}}};
    good_ = true;
    for (const auto& [parameter, value] : kSmall)
      good_ = good_ && !::ZSTD_isError(::ZSTD_CCtx_setParameter(context_, parameter, value));
  }
  ~Zstd() override { ::ZSTD_freeCCtx(context_); }
  bool good() const { return good_; }

  bool add(std::string_view data, Then then, std::string& out) override {
    std::array<char, kPieceBytes> piece;
    ZSTD_inBuffer in{data.data(), data.size(), 0};
    const ZSTD_EndDirective how = then == Then::end     ? ZSTD_e_end
                                  : then == Then::flush ? ZSTD_e_flush
                                                        : ZSTD_e_continue;
    for (;;) {
      ZSTD_outBuffer into{piece.data(), piece.size(), 0};
      const std::size_t left = ::ZSTD_compressStream2(context_, &into, &in, how);
      if (::ZSTD_isError(left)) return false;
      out.append(piece.data(), into.pos);
      if (how == ZSTD_e_continue ? in.pos == in.size : left == 0) return true;
    }
  }

 private:
  ZSTD_CCtx* context_;
  bool good_ = false;
};

template <class T>
std::unique_ptr<Compressor> made(std::size_t& in_use) {
  auto out = std::make_unique<T>(in_use);
  return out->good() ? std::move(out) : nullptr;
}

}  // namespace

std::unique_ptr<Compressor> make_compressor(Coding coding, std::size_t& in_use) {
  if (coding == Coding::none || in_use >= limits::kCompressions) return nullptr;
  return coding == Coding::gzip ? made<Gzip>(in_use) : made<Zstd>(in_use);
}

}  // namespace nuri::router
