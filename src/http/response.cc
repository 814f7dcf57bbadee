#include "http/response.h"

#include <fmt/format.h>

#include <array>

#include "async/deadline.h"
#include "base/assert.h"
#include "base/log.h"
#include "http/head_rules.h"
#include "http/head_text.h"

namespace nuri::http {
namespace {

iovec part_of(std::string_view bytes) { return {const_cast<char*>(bytes.data()), bytes.size()}; }

}  // namespace

std::string ConnectionResponse::head_text(int status, const Headers& headers,
                                          std::optional<std::uint64_t> length) {
  NURI_ASSERT(status >= 200 && status <= 599);
  if (terms_.keeper && !terms_.keeper->may_keep()) terms_.keep_alive = false;
  std::string out;
  out.reserve(512);
  append_status_line(out, status);
  for (const Header& header : headers) {
    if (same_name(header.name, "connection") && list_has(header.value, "close"))
      terms_.keep_alive = false;
    if (!is_connection_header(header.name)) append_header(out, header.name, header.value);
  }
  if (!headers.has("date")) append_header(out, "Date", http_date(terms_.clock->wall()));
  if (!headers.has("x-vcap-request-id")) append_header(out, "X-Vcap-Request-Id", terms_.request_id);
  if (length) {
    // RFC 9110 section 8.6: not with 204; with 304 it would speak of the content not sent.
    if (status != 204 && status != 304)
      fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", *length);
  } else if (!terms_.http10) {
    out += "Transfer-Encoding: chunked\r\n";
  } else if (!bodiless_) {
    terms_.keep_alive = false;
  }
  if (!terms_.keep_alive)
    out += "Connection: close\r\n";
  else if (terms_.http10)
    out += "Connection: keep-alive\r\n";
  out += "\r\n";
  return out;
}

// Up to three parts in one write, large ones in several, each with its deadline.
Task<IoResult<void>> ConnectionResponse::put(std::string_view first, std::string_view second,
                                             std::string_view third) {
  async::DeadlineScope scope(co_await async::current_scope(), terms_.write_deadline);
  while (!first.empty() || !second.empty() || !third.empty()) {
    const std::string_view piece = second.substr(0, limits::kWriteBytes);
    const bool last = piece.size() == second.size();
    std::array parts{part_of(first), part_of(piece), part_of(last ? third : std::string_view())};
    scope.extend(terms_.write_deadline);
    if (const auto sent = co_await stream_.send(std::span<iovec>(parts)).in(scope); !sent) {
      state_ = State::broken;
      co_return std::unexpected(sent.error());
    }
    first = {};
    second.remove_prefix(piece.size());
    if (last) third = {};
  }
  co_return IoResult<void>{};
}

Task<IoResult<void>> ConnectionResponse::send(int status, Headers headers, std::string body) {
  NURI_ASSERT(state_ == State::fresh);
  bodiless_ = terms_.head_request || status == 204 || status == 304;
  const std::string text = head_text(status, headers, body.size());
  state_ = State::counted;
  if (const auto sent = co_await put(text, bodiless_ ? std::string_view() : body); !sent)
    co_return std::unexpected(sent.error());
  state_ = State::complete;
  co_return IoResult<void>{};
}

Task<IoResult<void>> ConnectionResponse::head(int status, Headers headers,
                                              std::optional<std::uint64_t> length) {
  NURI_ASSERT(state_ == State::fresh);
  bodiless_ = terms_.head_request || status == 204 || status == 304;
  if ((status == 204 || status == 304) && !length) length = 0;
  const std::string text = head_text(status, headers, length);
  left_ = length.value_or(0);
  state_ = length ? State::counted : terms_.http10 ? State::until_close : State::chunked;
  co_return co_await put(text, {});
}

Task<IoResult<void>> ConnectionResponse::write(std::string_view bytes) {
  NURI_ASSERT(state_ != State::fresh && state_ != State::complete);
  if (state_ == State::broken) co_return std::unexpected(IoError::reset);
  if (bytes.empty()) co_return IoResult<void>{};
  if (state_ == State::counted && bytes.size() > left_) {
    log_error("an answer is longer than it announced; the connection is closed", {});
    state_ = State::broken;
    co_return std::unexpected(IoError::too_large);
  }
  left_ -= state_ == State::counted ? bytes.size() : 0;
  if (bodiless_) co_return IoResult<void>{};
  if (state_ != State::chunked) co_return co_await put(bytes, {});
  const std::string size = fmt::format("{:x}\r\n", bytes.size());
  co_return co_await put(size, bytes, "\r\n");
}

Task<IoResult<void>> ConnectionResponse::finish() {
  NURI_ASSERT(state_ != State::fresh);
  if (state_ == State::complete) co_return IoResult<void>{};
  if (state_ == State::broken) co_return std::unexpected(IoError::reset);
  if (state_ == State::counted && left_ > 0 && !bodiless_) {
    log_error("an answer is shorter than it announced; the connection is closed",
              {{"missing_bytes", left_}});
    state_ = State::broken;
    co_return std::unexpected(IoError::end);
  }
  if (state_ == State::chunked && !bodiless_)
    if (const auto sent = co_await put("0\r\n\r\n", {}); !sent)
      co_return std::unexpected(sent.error());
  state_ = State::complete;
  co_return IoResult<void>{};
}

}  // namespace nuri::http
