#include "http/exchange.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "http/head_rules.h"
#include "http/head_text.h"

namespace nuri::http {
namespace {

// A request this small is one write: if that fails, the peer has seen nothing of it.
constexpr std::size_t kOneWriteBytes = 16 * limits::kKiB;

bool is_idempotent(std::string_view method) {
  constexpr std::array<std::string_view, 6> kMethods{"GET",    "HEAD",    "PUT",
                                                     "DELETE", "OPTIONS", "TRACE"};
  return std::ranges::find(kMethods, method) != kMethods.end();
}

std::string head_text(const ClientRequest& request, const Url& url) {
  std::string out = fmt::format("{} {} HTTP/1.1\r\n", request.method, url.target);
  append_header(out, "Host", request.headers.get("host").value_or(url.authority));
  for (const Header& header : request.headers)
    if (!is_connection_header(header.name) && !same_name(header.name, "host"))
      append_header(out, header.name, header.value);
  const auto length =
      request.upload ? request.upload->length() : std::optional<std::uint64_t>(request.body.size());
  if (!length)
    out += "Transfer-Encoding: chunked\r\n";
  else if (*length > 0 || request.upload ||
           (request.method != "GET" && request.method != "HEAD" && request.method != "DELETE"))
    fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", *length);
  out += "\r\n";
  return out;
}

}  // namespace

std::unique_ptr<net::Stream> Client::Kept::take(const std::string& key) {
  for (auto one = all_.rbegin(); one != all_.rend();) {
    if (one->key != key) {
      ++one;
      continue;
    }
    std::unique_ptr<net::Stream> stream = std::move(one->stream);
    one = std::make_reverse_iterator(all_.erase(std::next(one).base()));
    if (stream->quiet()) return stream;
  }
  return nullptr;
}

void Client::Kept::put(std::string key, std::unique_ptr<net::Stream> stream) {
  const auto same = [&](const One& one) { return one.key == key; };
  if (std::ranges::count_if(all_, same) >= static_cast<std::ptrdiff_t>(limits::kKeptPerOrigin))
    all_.erase(std::ranges::find_if(all_, same));
  else if (all_.size() >= limits::kKeptConnections)
    all_.pop_front();
  all_.push_back({std::move(key), std::move(stream), loop_.now() + limits::kKeptDeadline});
  if (!armed()) loop_.arm(*this, all_.front().until);
}

void Client::Kept::on_timer() {
  while (!all_.empty() && all_.front().until <= loop_.now()) all_.pop_front();
  if (!all_.empty()) loop_.arm(*this, all_.front().until);
}

bool Client::Exchange::repeatable(const ClientRequest& request) const {
  if (!used_before_ || answered_ || upload_begun_) return false;
  return nothing_sent_ || is_idempotent(request.method);
}

// The upload runs beside the wait for the answer, because a server may answer before it has all.
struct Client::Exchange::Sending {
  ClientRequest& request;
  std::string_view head;
  async::DeadlineScope& answer;  // counts from the last byte sent
  bool complete = false;
  std::optional<IoError> source_error;
  std::exception_ptr thrown;
};

Task<IoResult<void>> Client::Exchange::send_piece(Sending& sending, std::string_view bytes) {
  const Duration limit = sending.request.body_idle_deadline;
  async::DeadlineScope scope(co_await async::current_scope(), limit);
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, limits::kWriteBytes);
    scope.extend(limit);
    sending.answer.extend(limit + sending.request.answer_deadline);
    if (const auto sent = co_await stream_->send(piece).in(scope); !sent)
      co_return std::unexpected(sent.error());
    bytes.remove_prefix(piece.size());
  }
  co_return IoResult<void>{};
}

Task<void> Client::Exchange::send_upload(Exchange& exchange, Sending& sending) {
  ClientRequest& request = sending.request;
  const bool chunked = request.upload && !request.upload->length();
  bool ok = (co_await exchange.send_piece(sending, sending.head)).has_value();
  if (ok && !request.upload) ok = (co_await exchange.send_piece(sending, request.body)).has_value();
  while (ok && request.upload) {
    exchange.upload_begun_ = true;
    IoResult<async::Chunk> chunk;
    try {
      chunk = co_await request.upload->read();
    } catch (...) {
      sending.thrown = std::current_exception();
      break;
    }
    if (!chunk) {
      sending.source_error = chunk.error();
      break;
    }
    const bool last = chunk->empty();
    if (!chunked) {
      if (last) break;
      ok = (co_await exchange.send_piece(sending, chunk->view())).has_value();
      continue;
    }
    std::string framed = fmt::format("{:x}\r\n", chunk->size());
    framed += chunk->view();
    framed += "\r\n";
    chunk->reset();
    ok = (co_await exchange.send_piece(sending, framed)).has_value();
    if (last) break;
  }
  sending.complete = ok && !sending.source_error && !sending.thrown;
  if (sending.source_error || sending.thrown)
    sending.answer.cancel();
  else  // if it broke, an answer that says why may be there already
    sending.answer.extend(ok ? request.answer_deadline : limits::kLingerDeadline);
}

void Client::Exchange::take_head(const HeadView& head, const ClientRequest& request,
                                 ClientResponse& response) {
  response.status = head.status;
  for (const HeaderView& header : head.headers)
    response.headers.add(std::string(header.name), std::string(header.value));
  const Framing framing = framing_of_response(head, request.method);
  body_.emplace(input_, framing, request.body_idle_deadline);
  keep_ = head.keep_alive && framing.kind != Framing::Kind::until_close;
}

Task<IoResult<void>> Client::Exchange::read_head(const ClientRequest& request, HeadSpace& space,
                                                 ClientResponse& response) {
  HeadParser parser(HeadParser::Kind::response);
  std::string pieces;
  for (std::size_t interim = 0; interim <= limits::kInterimAnswers;) {
    if (input_.empty()) {
      if (const auto got = co_await input_.receive(); !got) co_return std::unexpected(got.error());
      if (input_.empty()) co_return std::unexpected(IoError::end);
      answered_ = true;
    }
    const std::size_t before = pieces.size();
    if (before > 0) pieces += input_.view();
    const auto parsed = parser.parse(before > 0 ? std::string_view(pieces) : input_.view(), space);
    if (!parsed) co_return std::unexpected(IoError::malformed);
    if (!*parsed) {
      if (before == 0) pieces = input_.view();
      input_.consume(input_.view().size());
      continue;
    }
    const HeadView& head = **parsed;
    const std::size_t used = head.bytes - before;
    if (head.status == 101) break;  // nobody asked for another protocol
    if (head.status >= 200) {
      take_head(head, request, response);
      input_.consume(used);
      input_.keep();
      co_return IoResult<void>{};
    }
    input_.consume(used);
    pieces.clear();
    parser.reset();
    ++interim;
  }
  co_return std::unexpected(IoError::malformed);
}

Task<IoResult<void>> Client::Exchange::send_and_read(ClientRequest& request, std::string_view head,
                                                     HeadSpace& space, ClientResponse& response) {
  async::Scope& outer = co_await async::current_scope();
  async::DeadlineScope answer(outer, request.answer_deadline);
  Sending sending{request, head, answer, false, {}, {}};
  async::TaskGroup group(outer.loop());
  group.spawn(send_upload(*this, sending));
  auto result = co_await read_head(request, space, response).in(answer);
  if (!sending.complete) {
    keep_ = false;
    group.cancel();
  }
  co_await group.join();
  if (sending.thrown) std::rethrow_exception(sending.thrown);
  if (!result && sending.source_error) co_return std::unexpected(*sending.source_error);
  co_return result;
}

Task<IoResult<void>> Client::Exchange::run(ClientRequest& request, const Url& url, HeadSpace& space,
                                           ClientResponse& response) {
  std::string text = head_text(request, url);
  if (request.upload || text.size() + request.body.size() > kOneWriteBytes)
    co_return co_await send_and_read(request, text, space, response);
  text += request.body;
  async::DeadlineScope scope(co_await async::current_scope(), request.body_idle_deadline);
  if (const auto sent = co_await stream_->send(text).in(scope); !sent) {
    nothing_sent_ = true;
    co_return std::unexpected(sent.error());
  }
  scope.extend(request.answer_deadline);
  co_return co_await read_head(request, space, response).in(scope);
}

Task<IoResult<async::Chunk>> Client::Exchange::read() {
  auto chunk = co_await body_->read();
  if (chunk && chunk->empty()) give_back();
  co_return std::move(chunk);
}

void Client::Exchange::give_back() {
  const auto kept = kept_.lock();
  if (!keep_ || !kept || !body_->done() || !input_.empty()) return;
  keep_ = false;
  kept->put(std::move(key_), std::move(stream_));
}

}  // namespace nuri::http
