#include "line.h"

#include "http/error_answer.h"

namespace nuri::sim {
namespace {

// What an answer says of the request: 503, 504 and 500 do not say that nothing was done.
Fate fate_of(int status) {
  if (status >= 200 && status < 300) return Fate::done;
  return status >= 500 && status != 507 ? Fate::unknown : Fate::refused;
}

http::Request request_of(Wanted& wanted) {
  http::Request out;
  out.method = wanted.method;
  out.target = wanted.path;
  const auto mark = wanted.path.find('?');
  out.path = wanted.path.substr(0, mark);
  if (mark != wanted.path.npos) out.query = wanted.path.substr(mark + 1);
  out.headers = std::move(wanted.headers);
  return out;
}

}  // namespace

// Its reader has the answer as soon as it is sent, whatever its handler does afterwards.
class SentResponse final : public http::Response {
 public:
  Task<IoResult<void>> send(int status, http::Headers headers, std::string body) override {
    answer = {status, std::move(headers), std::move(body)};
    answered.set();
    co_return IoResult<void>{};
  }
  Task<IoResult<void>> head(int status, http::Headers headers,
                            std::optional<std::uint64_t>) override {
    answer = {status, std::move(headers), {}};
    co_return IoResult<void>{};
  }
  Task<IoResult<void>> write(std::string_view bytes) override {
    answer.body += bytes;
    co_return IoResult<void>{};
  }
  Task<IoResult<void>> finish() override {
    answered.set();
    co_return IoResult<void>{};
  }
  bool started() const override { return answer.status != 0; }

  api::Answer answer;
  async::Event answered;
};

struct Line::Exchange {
  explicit Exchange(Wanted wanted) : request(request_of(wanted)), body(std::move(wanted.body)) {
    request.body = &body;
  }
  http::Request request;
  api::TextBody body;
  SentResponse response;
  bool cut = false;
};

std::string Reply::text(std::string_view pointer) const {
  if (answer.body.empty()) return {};
  const json::value all = answer.json();
  boost::system::error_code error;
  const json::value* found = all.find_pointer(pointer, error);
  return found && found->is_string() ? std::string(found->get_string()) : std::string();
}

void Line::cut() {
  server_ = nullptr;
  for (const auto& exchange : open_) {
    exchange->cut = true;
    exchange->response.answered.set();
  }
  open_.clear();
}

// As a connection of http::Server does it.
Task<void> Line::serve(api::CfApi& api, std::shared_ptr<Exchange> exchange) {
  std::optional<Error> failure;
  try {
    co_await api.serve(exchange->request, exchange->response);
  } catch (const Error& error) {
    failure = error;
  } catch (const std::exception& error) {
    failure = Error(Code::internal, error.what());
  }
  if (failure && !exchange->response.started())
    (void)co_await http::answer_error(exchange->response, *failure);
  exchange->response.answered.set();  // also where none was sent
}

Task<Reply> Line::ask(Wanted wanted) {
  if (!server_) co_return Reply{Fate::refused, {}};
  const auto exchange = std::make_shared<Exchange>(std::move(wanted));
  open_.push_back(exchange);
  server_->spawn(serve(server_->api(), exchange));
  (void)co_await exchange->response.answered.wait();
  std::erase(open_, exchange);
  if (exchange->cut) co_return Reply{};
  const int status = exchange->response.answer.status;
  co_return Reply{fate_of(status), std::move(exchange->response.answer)};
}

}  // namespace nuri::sim
