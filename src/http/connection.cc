#include "http/connection.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "http/error_answer.h"
#include "http/head_rules.h"

namespace nuri::http {
namespace {

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::string_view kRequestId = "X-Vcap-Request-Id";

// The content of a request; asks for it first where the client waits to be asked (RFC 9110 section
// 10.1.1).
class RequestBody final : public Body {
 public:
  RequestBody(net::Stream& stream, Input& input, Framing framing, Duration idle)
      : stream_(stream), body_(input, framing, idle), idle_(idle) {}

  Task<IoResult<async::Chunk>> read() override {
    if (client_waits_ && response_ && !response_->started() && !body_.done()) {
      client_waits_ = false;
      async::DeadlineScope scope(co_await async::current_scope(), idle_);
      if (const auto sent = co_await stream_.send(kContinue).in(scope); !sent)
        co_return std::unexpected(sent.error());
    }
    co_return co_await body_.read();
  }
  std::optional<std::uint64_t> length() const override { return body_.length(); }

  void client_waits_for(const Response& response) {
    response_ = &response;
    client_waits_ = true;
  }
  // Whether the rest may be read away: not if the client was never asked for it.
  bool drainable() const {
    if (done()) return true;
    return !client_waits_ && !failed() && body_.left().value_or(0) <= limits::kUnreadBodyBytes;
  }
  bool done() const { return body_.done(); }
  bool failed() const { return body_.failed(); }

  // Reads away what the service left, if that is not much. True if the body is done with.
  Task<bool> drain() {
    std::size_t drained = 0;
    while (!done()) {
      if (!drainable() || drained > limits::kUnreadBodyBytes) co_return false;
      const auto chunk = co_await body_.read();
      if (!chunk) co_return false;
      drained += chunk->size();
    }
    co_return !failed();
  }

 private:
  net::Stream& stream_;
  FramedBody body_;
  Duration idle_;
  const Response* response_ = nullptr;
  bool client_waits_ = false;
};

// Says at the last moment whether the connection is kept: what the service read, and whether the
// server is draining, has changed since the request came.
class RequestKeeper final : public Keeper {
 public:
  RequestKeeper(const Server& server, const RequestBody& body) : server_(server), body_(body) {}
  bool may_keep() const override { return !server_.draining() && body_.drainable(); }

 private:
  const Server& server_;
  const RequestBody& body_;
};

bool is_request_id(std::string_view text) {
  return text.size() <= limits::kRequestIdBytes && is_token(text);
}

}  // namespace

Task<void> Connection::run() {
  while (co_await wait_for_request()) {
    auto head = co_await read_head();
    if (!head || co_await answer(std::move(*head)) == Next::close) co_return;
  }
}

Task<bool> Connection::wait_for_request() {
  if (!input_.empty()) co_return true;
  if (server_.draining_) co_return false;
  async::DeadlineScope scope(co_await async::current_scope(), server_.options_.idle_deadline);
  Server::Idle idle{scope, {}};
  server_.idle_.push_back(idle);
  server_.changed_.pulse();
  const auto got = co_await input_.receive().in(scope);
  co_return got && !input_.empty();
}

Connection::Head Connection::head_of(const HeadView& view) const {
  Head head;
  Request& request = head.request;
  request.method = view.method;
  request.target = view.path_query;
  const std::size_t mark = view.path_query.find('?');
  request.path = view.path_query.substr(0, mark);
  if (mark != view.path_query.npos) request.query = view.path_query.substr(mark + 1);
  for (const HeaderView& header : view.headers)
    request.headers.add(std::string(header.name), std::string(header.value));
  if (!view.authority.empty() && !view.find("host"))
    request.headers.set("Host", std::string(view.authority));
  request.peer = stream_.peer();
  head.framing = framing_of_request(view);
  head.version = view.version;
  head.keep_alive = view.keep_alive;
  head.expect_continue = view.expect_continue;
  return head;
}

// The head in the bytes that are here and those that come. It is parsed where the loop received it;
// only one that comes in several pieces is put together in a buffer of its own.
Task<IoResult<std::optional<Connection::Head>>> Connection::read_head_bytes(
    std::optional<Refusal>& refusal) {
  HeadParser parser(HeadParser::Kind::request);
  std::string pieces;
  for (;;) {
    const std::size_t before = pieces.size();
    if (before > 0) pieces += input_.view();
    const auto parsed =
        parser.parse(before > 0 ? std::string_view(pieces) : input_.view(), server_.head_space_);
    if (!parsed) {
      refusal = parsed.error();
      co_return std::nullopt;
    }
    if (*parsed) {
      std::optional<Head> head(head_of(**parsed));
      input_.consume((*parsed)->bytes - before);
      input_.keep();
      co_return std::move(head);
    }
    if (before == 0) pieces = input_.view();
    input_.consume(input_.view().size());
    if (const auto got = co_await input_.receive(); !got) co_return std::unexpected(got.error());
    if (input_.empty()) co_return std::unexpected(IoError::end);
  }
}

Task<std::optional<Connection::Head>> Connection::read_head() {
  std::optional<Refusal> refusal;
  async::Scope& outer = co_await async::current_scope();
  IoResult<std::optional<Head>> head = std::nullopt;
  {
    async::DeadlineScope scope(outer, server_.options_.head_deadline);
    head = co_await read_head_bytes(refusal).in(scope);
  }
  if (!head && head.error() == IoError::timed_out && !outer.cancelled())
    refusal = Refusal{408, "the request's head did not arrive in time"};
  if (refusal) co_await refuse(*refusal);
  co_return head ? std::move(*head) : std::nullopt;
}

ConnectionResponse::Terms Connection::terms_of(const Head& head,
                                               std::string_view request_id) const {
  return {.head_request = head.request.method == "HEAD",
          .http10 = head.version == Version::http10,
          .keep_alive = head.keep_alive,
          .request_id = request_id,
          .clock = &server_.loop_,
          .write_deadline = server_.options_.body_idle_deadline};
}

Task<void> Connection::refuse(Refusal refusal) {
  const std::string id = server_.make_request_id();
  ConnectionResponse response(stream_, terms_of({}, id));
  const CodeInfo& code = info(refusal.status == 413 ? Code::too_large : Code::bad_request);
  log_debug("refused a request", {{"status", refusal.status}, {"reason", refusal.reason}});
  const auto sent =
      co_await answer_error(response, refusal.status, code.cf_code, std::string(code.cf_title),
                            fmt::format("The request was not understood: {}.", refusal.reason));
  if (sent) co_await linger();
}

Task<void> Connection::linger() {
  stream_.shutdown_send();
  async::DeadlineScope scope(co_await async::current_scope(), limits::kLingerDeadline);
  for (std::size_t read = 0; read < limits::kUnreadBodyBytes;) {
    read += input_.view().size();
    input_.consume(input_.view().size());
    if (const auto got = co_await input_.receive().in(scope); !got || input_.empty()) co_return;
  }
}

Task<void> Connection::serve(Request& request, ConnectionResponse& response) {
  std::optional<Error> error;
  std::string unexpected;
  try {
    co_await server_.service_.serve(request, response);
    if (!response.started()) unexpected = "the service gave no answer";
  } catch (const Error& thrown) {
    error = thrown;
  } catch (const std::exception& thrown) {
    unexpected = thrown.what();
  }
  const std::string id(request.headers.get(kRequestId).value_or(""));
  if (!unexpected.empty()) {
    error = Error(Code::internal,
                  fmt::format("The server failed while it answered {} {}. Its log says why, under "
                              "request id {}.",
                              request.method, request.path, id));
  }
  if (!error) co_return;
  if (info(error->code()).http_status >= 500)
    log_error("a request failed", {{"method", request.method},
                                   {"path", request.path},
                                   {"request_id", id},
                                   {"error", unexpected.empty() ? error->message() : unexpected}});
  if (!response.started()) co_await answer_error(response, std::move(*error));
}

Task<Connection::Next> Connection::answer(Head head) {
  Request& request = head.request;
  const auto given = request.headers.get(kRequestId);
  std::string id = given && is_request_id(*given) ? std::string(*given) : server_.make_request_id();
  request.headers.set(kRequestId, id);

  RequestBody body(stream_, input_, head.framing, server_.options_.body_idle_deadline);
  const RequestKeeper keeper(server_, body);
  auto terms = terms_of(head, id);
  terms.keeper = &keeper;
  ConnectionResponse response(stream_, terms);
  request.body = &body;
  if (head.expect_continue) body.client_waits_for(response);
  co_await serve(request, response);

  const bool drained = response.complete() && co_await body.drain();
  if (drained && response.reusable()) co_return Next::request;
  // Closing a socket that holds unread bytes resets it, and the answer may be lost with it.
  if (response.complete() && (!drained || !input_.empty())) co_await linger();
  co_return Next::close;
}

}  // namespace nuri::http
