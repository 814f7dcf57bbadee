#include "http/multipart.h"

#include <algorithm>

#include "base/limits.h"
#include "http/head_rules.h"

namespace nuri::http {
namespace {

constexpr std::size_t kBoundaryBytes = 70;  // RFC 2046 section 5.1.1

// Takes a token or quoted string off the front; nullopt if there is neither.
std::optional<std::string> take_value(std::string_view& text) {
  std::string value;
  if (!text.starts_with('"')) {
    const std::size_t end = std::min(text.find_first_of("; \t"), text.size());
    value = text.substr(0, end);
    text.remove_prefix(end);
    return value;
  }
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return value;
    }
    if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '"' || text[i + 1] == '\\')) ++i;
    value += text[i];
  }
  return std::nullopt;
}

// "name: value" into `headers`; false if it is not one.
bool take_field(std::string_view line, Headers& headers) {
  const std::size_t colon = line.find(':');
  if (colon == line.npos || !is_token(line.substr(0, colon))) return false;
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (std::ranges::any_of(value, [](char c) { return (c >= 0 && c < 0x20 && c != '\t'); }))
    return false;
  headers.add(std::string(line.substr(0, colon)), std::string(value));
  return true;
}

}  // namespace

std::optional<std::string> header_parameter(std::string_view header, std::string_view name) {
  std::size_t next = header.find(';');
  while (next != header.npos) {
    header = trimmed(header.substr(next + 1));
    const std::size_t equals = header.find('=');
    if (equals == header.npos) return std::nullopt;
    const std::string_view key = trimmed(header.substr(0, equals));
    header.remove_prefix(equals + 1);
    auto value = take_value(header);
    if (!value || same_name(key, name)) return value;
    next = header.find(';');
  }
  return std::nullopt;
}

std::optional<std::string> MultipartReader::boundary_of(std::string_view content_type) {
  if (!same_name(trimmed(content_type.substr(0, content_type.find(';'))), "multipart/form-data"))
    return std::nullopt;
  auto boundary = header_parameter(content_type, "boundary");
  if (!boundary || boundary->empty() || boundary->size() > kBoundaryBytes) return std::nullopt;
  for (const char c : *boundary)
    if (c < 0x20 || c >= 0x7f) return std::nullopt;
  return boundary;
}

// The delimiter begins with the end of the line before; the first one has none, so it is given one.
MultipartReader::MultipartReader(Body& body, std::string_view boundary)
    : body_(body), delimiter_("\r\n--" + std::string(boundary)), buffer_("\r\n") {}

Task<IoResult<void>> MultipartReader::fill() {
  auto chunk = co_await body_.read();
  if (!chunk) co_return std::unexpected(chunk.error());
  if (chunk->empty()) co_return std::unexpected(IoError::end);
  buffer_ += chunk->view();
  co_return IoResult<void>{};
}

Task<IoResult<void>> MultipartReader::need(std::size_t n) {
  while (buffer_.size() < n)
    if (const auto more = co_await fill(); !more) co_return std::unexpected(more.error());
  co_return IoResult<void>{};
}

// Content up to the next delimiter. What may be the beginning of one is held back.
Task<IoResult<async::Chunk>> MultipartReader::read_content() {
  while (state_ == State::content) {
    const std::size_t at = buffer_.find(delimiter_);
    const std::size_t safe = at != buffer_.npos ? at
                             : buffer_.size() < delimiter_.size()
                                 ? 0
                                 : buffer_.size() - delimiter_.size() + 1;
    if (at != buffer_.npos) state_ = State::delimiter;
    if (safe > 0) {
      auto chunk = async::Chunk::copy_of(std::string_view(buffer_).substr(0, safe));
      buffer_.erase(0, safe);
      co_return std::move(chunk);
    }
    if (at == buffer_.npos)
      if (const auto more = co_await fill(); !more) co_return std::unexpected(more.error());
  }
  co_return async::Chunk();
}

Task<IoResult<bool>> MultipartReader::pass_delimiter() {
  buffer_.erase(0, delimiter_.size());
  if (const auto more = co_await need(2); !more) co_return std::unexpected(more.error());
  if (buffer_.starts_with("--")) co_return false;
  // Padding may stand between a delimiter and its end of line.
  std::size_t padding = 0;
  while (padding < kBoundaryBytes) {
    if (const auto more = co_await need(padding + 2); !more)
      co_return std::unexpected(more.error());
    if (buffer_[padding] != ' ' && buffer_[padding] != '\t') break;
    ++padding;
  }
  if (buffer_.compare(padding, 2, "\r\n") != 0) co_return std::unexpected(IoError::malformed);
  // The line's end stays: a head without fields is then one empty line as well.
  buffer_.erase(0, padding);
  co_return true;
}

Task<IoResult<std::optional<MultipartReader::Part>>> MultipartReader::read_head() {
  constexpr std::string_view kEnd = "\r\n\r\n";
  std::size_t end;
  while ((end = buffer_.find(kEnd)) == buffer_.npos) {
    if (buffer_.size() > limits::kPartHeadBytes) co_return std::unexpected(IoError::too_large);
    if (const auto more = co_await fill(); !more) co_return std::unexpected(more.error());
  }
  if (end > limits::kPartHeadBytes) co_return std::unexpected(IoError::too_large);
  Part part;
  std::string_view head = std::string_view(buffer_).substr(0, end);
  while (!head.empty()) {
    head.remove_prefix(2);
    const std::string_view line = head.substr(0, head.find("\r\n"));
    if (!take_field(line, part.headers)) co_return std::unexpected(IoError::malformed);
    head.remove_prefix(line.size());
  }
  const auto disposition = part.headers.get("content-disposition");
  auto name = disposition ? header_parameter(*disposition, "name") : std::nullopt;
  if (!name || !same_name(trimmed(disposition->substr(0, disposition->find(';'))), "form-data"))
    co_return std::unexpected(IoError::malformed);
  part.name = std::move(*name);
  part.filename = header_parameter(*disposition, "filename");
  part.body = &content_;
  buffer_.erase(0, end + kEnd.size());
  state_ = State::content;
  co_return std::move(part);
}

Task<IoResult<std::optional<MultipartReader::Part>>> MultipartReader::next() {
  while (state_ == State::content) {
    const auto chunk = co_await read_content();
    if (!chunk) co_return std::unexpected(chunk.error());
    if (parts_ == 0 && (preamble_ += chunk->size()) > limits::kPartHeadBytes)
      co_return std::unexpected(IoError::malformed);
  }
  if (state_ == State::finished) co_return std::nullopt;
  const auto another = co_await pass_delimiter();
  if (!another) co_return std::unexpected(another.error());
  if (!*another) {
    state_ = State::finished;
    // What follows the last delimiter means nothing, but belongs to the content.
    for (;;) {
      const auto rest = co_await body_.read();
      if (!rest) co_return std::unexpected(rest.error());
      if (rest->empty()) co_return std::nullopt;
    }
  }
  if (++parts_ > limits::kParts) co_return std::unexpected(IoError::too_large);
  co_return co_await read_head();
}

}  // namespace nuri::http
