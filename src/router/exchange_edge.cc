#include <fmt/format.h>

#include "async/deadline.h"
#include "router/compressor.h"
#include "router/exchange.h"
#include "router/visit.h"

// What the settings of a route add to an exchange.

namespace nuri::router {

Exchange::Exchange(Ground& ground, Wire& client, const Request& request)
    : ground_(ground),
      client_(client),
      request_(request),
      began_(ground.loop.now()),
      began_wall_(ground.loop.wall()) {}
Exchange::~Exchange() = default;

void Exchange::refuse_with(EdgeAnswer answer) {
  failure_ = {answer.status, answer.error, std::move(answer.message)};
  failure_.fields = std::move(answer.fields);
  failure_.page = answer.page;
  if (answer.retry_after_s >= 0) failure_.retry_after_s = answer.retry_after_s;
}

Task<bool> Exchange::admit(std::shared_ptr<RouteEdge> edge) {
  visit_ =
      std::make_unique<Visit>(std::move(edge), request_, ground_.head_space, ground_.deadlines);
  deadlines_ = &visit_->deadlines;
  const auto& settings = visit_->settings();
  if (auto answer = edge_answer(settings, {.client = request_.client,
                                           .host = request_.host,
                                           .authority = request_.authority,
                                           .path_query = request_.path,
                                           .secure = request_.secure,
                                           .https_port = ground_.https_port,
                                           .framing = request_.framing})) {
    refuse_with(std::move(*answer));
    co_return false;
  }
  if (settings.body_limit != 0) body_limit_ = settings.body_limit;
  if (!settings.basic_auth) co_return true;
  const auto outcome = co_await let_in(*settings.basic_auth, *visit_->edge->known,
                                       ground_.password_checks, visit_->authorization);
  if (outcome == PasswordChecks::Outcome::busy)
    failure_ = {503, "password_checks_busy", "Too many passwords are being checked. Try again."};
  if (outcome == PasswordChecks::Outcome::wrong) {
    failure_ = {401, "unauthorized", "A user's name and password are needed here."};
    failure_.fields = fmt::format("WWW-Authenticate: Basic realm=\"{}\", charset=\"UTF-8\"\r\n",
                                  settings.basic_auth->realm);
  }
  co_return outcome == PasswordChecks::Outcome::right;
}

// Before whatever a route's settings say: the authority's question is the router's own to answer.
Task<After> Exchange::answer_challenge(const std::string& authorization) {
  failure_ = {200, {}, authorization};
  failure_.type = "application/octet-stream";
  return refuse();
}

Duration Exchange::rest() const {
  const auto limit = visit_ ? visit_->settings().deadlines.request : std::nullopt;
  if (!limit) return Duration::max();
  return std::max(began_ + *limit - ground_.loop.now(), Duration(0));
}

Exchange::Outcome Exchange::took_too_long() {
  return fail({504, "request_timeout", "The request took longer than it may here."},
              Outcome::failed);
}

Task<void> Exchange::limit_request(async::Scope& answering) {
  if (!co_await async::sleep(rest())) co_return;
  late_ = true;
  answering.cancel();
}

std::unique_ptr<Compressor> Exchange::dress(const http::HeadView& answer, AnswerWish& wish) {
  const auto& settings = visit_->settings();
  if (!settings.response_headers.empty()) wish.edits = &settings.response_headers;
  if (!settings.compress || !may_compress(*settings.compress, answer, request_.method))
    return nullptr;
  wish.vary = true;
  auto compressor = make_compressor(visit_->coding, ground_.compressions);
  if (compressor) wish.coding = name_of(visit_->coding);
  return compressor;
}

}  // namespace nuri::router
