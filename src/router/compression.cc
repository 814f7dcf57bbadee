#include "router/compression.h"

#include <algorithm>
#include <charconv>

#include "http/head_rules.h"
#include "http/message.h"
#include "model/text.h"

namespace nuri::router {
namespace {

std::string_view cut(std::string_view& rest, char at) {
  const auto end = std::min(rest.find(at), rest.size());
  const auto piece = http::trimmed(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return piece;
}

// "gzip;q=0.5": 0.5; 1 if it says none, 0 if what it says cannot be read.
double quality(std::string_view parameters) {
  while (!parameters.empty()) {
    const auto one = cut(parameters, ';');
    if (!one.starts_with("q=") && !one.starts_with("Q=")) continue;
    double q = 0;
    const auto text = one.substr(2);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), q);
    return error == std::errc() && end == text.data() + text.size() ? q : 0;
  }
  return 1;
}

// What is text in disguise; pictures, films and archives are compressed already.
bool compressible_type(std::string_view type) {
  constexpr std::array<std::string_view, 12> kTypes{"application/json",
                                                    "application/javascript",
                                                    "application/x-javascript",
                                                    "application/xml",
                                                    "application/wasm",
                                                    "application/graphql",
                                                    "application/x-ndjson",
                                                    "application/manifest+json",
                                                    "application/vnd.ms-fontobject",
                                                    "image/svg+xml",
                                                    "image/x-icon",
                                                    "image/bmp"};
  return type.starts_with("text/") || type.ends_with("+json") || type.ends_with("+xml") ||
         type == "font/ttf" || type == "font/otf" ||
         std::ranges::find(kTypes, type) != kTypes.end();
}

bool type_is_wanted(const model::Compression& settings, std::string_view content_type) {
  std::string_view rest = content_type;
  const std::string type = model::lower(cut(rest, ';'));
  if (settings.types.empty()) return compressible_type(type);
  return std::ranges::any_of(settings.types, [&](std::string_view wanted) {
    if (!wanted.ends_with('*')) return type == wanted;
    return type.starts_with(wanted.substr(0, wanted.size() - 1));
  });
}

}  // namespace

std::string_view name_of(Coding coding) {
  return coding == Coding::gzip ? "gzip" : coding == Coding::zstd ? "zstd" : "identity";
}

Coding wanted_coding(std::string_view accept_encoding) {
  double gzip = -1, zstd = -1, others = 0;
  while (!accept_encoding.empty()) {
    std::string_view one = cut(accept_encoding, ',');
    const std::string name = model::lower(cut(one, ';'));
    if (name == "gzip" || name == "x-gzip") gzip = quality(one);
    if (name == "zstd") zstd = quality(one);
    if (name == "*") others = quality(one);
  }
  if (gzip < 0) gzip = others;
  if (zstd < 0) zstd = others;
  if (gzip <= 0 && zstd <= 0) return Coding::none;
  return zstd >= gzip ? Coding::zstd : Coding::gzip;
}

bool may_compress(const model::Compression& settings, const http::HeadView& answer,
                  std::string_view method) {
  const bool whole =
      answer.status >= 200 && answer.status != 204 && answer.status != 206 && answer.status != 304;
  if (!whole || method == "HEAD") return false;
  if (answer.content_length && *answer.content_length < settings.min_bytes) return false;
  for (const std::string_view name :
       {"Content-Encoding", "Content-Range", "Content-Digest", "Repr-Digest", "Digest"})
    if (answer.find(name)) return false;
  // RFC 9111 section 5.2.2.6.
  if (http::list_has(answer.find("Cache-Control").value_or(""), "no-transform")) return false;
  return type_is_wanted(settings, answer.find("Content-Type").value_or(""));
}

std::string weak_etag(std::string_view etag) {
  return etag.starts_with("W/") ? std::string(etag) : "W/" + std::string(etag);
}

}  // namespace nuri::router
