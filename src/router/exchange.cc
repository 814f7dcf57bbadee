#include "router/exchange.h"

#include <fmt/format.h>

#include "async/deadline.h"
#include "router/compressed_relay.h"
#include "router/request_head.h"
#include "router/sticky.h"
#include "router/visit.h"

namespace nuri::router {
namespace {

constexpr std::size_t kMostAttempts = 3;              // of instances that are there
constexpr std::size_t kAddedBytes = 400;              // to a request's head, as a rule
constexpr std::size_t kSmallBody = 8 * limits::kKiB;  // goes out with the head
constexpr int kClientGone = 499;  // in logs only; as nginx and gorouter write it

// Whether all of an answer's content is here, in the loop's buffer: it goes out in one piece with
// the head.
bool came_whole(const http::HeadView& head, const http::Framing& framing, const Wire& server) {
  using Kind = http::Framing::Kind;
  return framing.kind == Kind::none || (framing.kind == Kind::length && server.lent() &&
                                        framing.length <= server.here().size() - head.bytes);
}

bool is_safe(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE";
}

}  // namespace

Request::Request(const http::HeadView& view, std::string_view bytes, const Peer& peer,
                 Origin origin, const RequestId& request_id)
    : id(request_id),
      client(std::move(origin.client)),
      protocol(!peer.protocol.empty()                  ? peer.protocol
               : view.version == http::Version::http11 ? "HTTP/1.1"
                                                       : "HTTP/1.0"),
      secure(origin.proto == "https"),
      host(host_of(view.authority)),
      version(view.version),
      keep_alive(view.keep_alive),
      tunnel(wants_tunnel(view)),
      framing(http::framing_of_request(view)) {
  text.reserve(2 * view.bytes + kAddedBytes);
  text = bytes.substr(0, view.bytes);
  append_request_head(text, view, {origin.forwarded_for, origin.proto, id.text()});
  raw = std::string_view(text).substr(0, view.bytes);
  head = std::string_view(text).substr(view.bytes);
  const auto here = [&](std::string_view part) {
    return part.empty()
               ? std::string_view()
               : raw.substr(static_cast<std::size_t>(part.data() - bytes.data()), part.size());
  };
  method = here(view.method);
  authority = here(view.authority);
  path = here(view.path_query);
  referer = here(view.find("Referer").value_or(""));
  user_agent = here(view.find("User-Agent").value_or(""));
  accept = here(view.find("Accept").value_or(""));
  sticky = here(sticky_instance(view));
}

Access Exchange::access() const {
  Access a;
  a.host = request_.authority;
  a.method = request_.method;
  a.target = request_.path;
  a.version = request_.protocol;
  a.proto = request_.secure ? "https" : "http";
  a.referer = request_.referer;
  a.user_agent = request_.user_agent;
  a.client = request_.client;
  a.request_id = request_.id.text();
  a.began = began_wall_;
  a.status = status_;
  a.received_bytes = received_bytes();
  a.sent_bytes = sent_bytes_;
  a.took = ground_.loop.now() - began_;
  a.router_took = a.took - upstream_took_;
  a.error = error_;
  if (upstream_) {
    a.instance = upstream_->spec().id;
    a.backend = upstream_->spec().address;
    a.index = upstream_->spec().index;
  }
  return a;
}

void Exchange::count() {
  if (!asked_ && !error_.empty()) ground_.table.note_unknown();
  if (!asked_) return;
  RouteCounters& counters = *asked_->counters;
  if (status_ >= 100 && status_ < 600)
    ++counters.answers[static_cast<std::size_t>(status_ / 100 - 1)];
  if (!error_.empty()) ++counters.own_errors;
  counters.received_bytes += received_bytes();
  counters.sent_bytes += sent_bytes_;
  counters.latencies.add(ground_.loop.now() - began_);
}

// Content that came whole with its head is sent with it, and can be sent again.
void Exchange::take_early_body() {
  const http::Framing& framing = request_.framing;
  if (framing.kind == http::Framing::Kind::none) {
    body_here_ = true;
  } else if (framing.kind == http::Framing::Kind::length && framing.length <= kSmallBody &&
             client_.here().size() >= framing.length) {
    early_body_ = client_.here().substr(0, framing.length);
    client_.consume(framing.length);
    body_here_ = true;
  }
  client_.keep();
}

bool Exchange::repeatable() const { return is_safe(request_.method) && body_here_; }

Exchange::Outcome Exchange::fail(Failure failure, Outcome outcome) {
  failure_ = std::move(failure);
  return outcome;
}

Task<After> Exchange::run() {
  take_early_body();
  if (const auto* answer = ground_.table.challenge(request_.path);
      answer && (request_.method == "GET" || request_.method == "HEAD"))
    co_return co_await answer_challenge(*answer);
  for (std::size_t attempts = 0; attempts < kMostAttempts;) {
    // Looked up each time: the table may have changed while an instance was tried or waited for.
    const auto route = ground_.table.find(request_.host, request_.path);
    if (!route && tried_.empty()) failure_ = unknown_route();
    if (!route) break;
    if (!asked_) note_route(*route);
    if (route->edge && !visit_) {
      if (!co_await admit(route->edge)) break;
      continue;
    }
    const Choice choice = choose(*route);
    if (choice == Choice::full || (choice == Choice::none && route->wakes && tried_.empty())) {
      if (co_await wait_in_line(*route, choice)) continue;
      if (client_gone_) co_return leave();
      break;
    }
    stand_.reset();
    if (choice == Choice::none || !may_try(*route)) break;
    const Upstream::InFlight in_flight(*upstream_);
    const Time began = ground_.loop.turned();
    const Outcome outcome = co_await attempt();
    upstream_took_ += ground_.loop.turned() - began;
    give_slots_back(*route);
    if (outcome == Outcome::settled) co_return after_;
    if (outcome == Outcome::failed) break;
    tried_.push_back(upstream_);
    if (!upstream_->gone()) ++attempts;
  }
  if (failure_.status == 0)
    failure_ = {503, "no_instances",
                "The app has no instance that could answer. See: nuri app NAME"};
  co_return co_await refuse();
}

void Exchange::note_route(const Route& route) {
  app_ = route.app;
  asked_.emplace(route.counters);
  route.gate->retries.request();
}

// One more instance is tried only within the route's budget; one that is gone cost it nothing.
bool Exchange::may_try(Route& route) {
  if (tried_.empty()) return true;
  if (!tried_.back()->gone() && !route.gate->retries.take(ground_.loop.turned())) return false;
  ++asked_->counters->retries;
  return true;
}

Exchange::Failure Exchange::unknown_route() const {
  return {404, "unknown_route",
          fmt::format("No app is served under '{}'. Check the name, or see what there is: "
                      "nuri routes",
                      request_.host)};
}

// The client has gone: nobody hears an answer.
After Exchange::leave() {
  status_ = kClientGone;
  error_ = "client_gone";
  return after_ = After::close;
}

// Sends an answer of the router's own.
Task<After> Exchange::refuse() {
  const bool close = !request_.keep_alive || !upload_done() || ground_.draining;
  status_ = failure_.status;
  error_ = failure_.error;
  if (visit_ && failure_.page.empty()) failure_.page = error_page(visit_->settings(), status_);
  const std::string text =
      own_answer({.status = status_,
                  .error = error_,
                  .message = failure_.message,
                  .accept = request_.accept,
                  .request_id = request_.id.text(),
                  .page = failure_.page,
                  .type = failure_.type,
                  .fields = failure_.fields,
                  .retry_after_s = failure_.retry_after_s,
                  .edits = visit_ ? &visit_->settings().response_headers : nullptr,
                  .close = close,
                  .say_keep = request_.version == http::Version::http10,
                  .with_body = request_.method != "HEAD"});
  if (!co_await client_.send(text, {}, deadlines_->body_idle)) co_return After::close;
  if (!close) co_return After::next;
  co_return upload_done() ? After::close : After::linger;
}

Task<Exchange::Outcome> Exchange::attempt() {
  auto line = upstream_->take_kept(repeatable() ? Upstream::Look::no : Upstream::Look::yes);
  // A kept one may have been closed in the meantime: then once more on a new one.
  for (Connection connection = line ? Connection::kept : Connection::fresh;;
       connection = Connection::fresh) {
    if (connection == Connection::fresh) {
      const Time began = ground_.loop.turned();
      auto made =
          co_await async::within(std::min(deadlines_->connect, rest()), upstream_->connect());
      if (!made) co_return not_connected(made.error(), began);
      line = std::move(*made);
    }
    Wire server(ground_.loop, std::move(*line));
    std::size_t written = 0;
    const auto sent =
        co_await server.send(request_.head, early_body_, deadlines_->body_idle, &written);
    const bool untouched = !sent && written == 0 && sent.error() != IoError::cancelled;
    // An instance that stopped reading may still have answered.
    const Outcome outcome =
        untouched ? not_sent(sent.error(), connection) : co_await converse(server, connection);
    if (outcome != Outcome::again || connection == Connection::fresh) co_return outcome;
  }
}

Exchange::Outcome Exchange::not_connected(IoError error, Time began) {
  const Time now = ground_.loop.now();
  const bool too_long = error == IoError::timed_out && rest() == Duration(0);
  // No fault of the instance if most of the time went before it was asked.
  if (!too_long || now - began > (now - began_) / 2) upstream_->failed(now);
  if (too_long) return took_too_long();
  return fail({502, "connection_failed",
               fmt::format("The app's instance {} cannot be connected to: {}.",
                           upstream_->spec().index, describe(error))},
              error == IoError::cancelled ? Outcome::failed : Outcome::again);
}

Exchange::Outcome Exchange::not_sent(IoError error, Connection connection) {
  if (connection == Connection::fresh) upstream_->failed(ground_.loop.now());
  return fail({502, "connection_failed",
               fmt::format("The app's instance {} does not take requests: {}.",
                           upstream_->spec().index, describe(error))},
              Outcome::again);
}

// A client that leaves ends the instance's work: nobody waits for it.
Task<Exchange::Outcome> Exchange::converse(Wire& server, Connection connection) {
  async::Scope answering(co_await async::current_scope());
  Watch client;
  std::unique_ptr<async::TaskGroup> beside;
  const bool limited = visit_ && visit_->settings().deadlines.request;
  if (!body_here_ || limited)
    beside = std::make_unique<async::TaskGroup>(co_await async::current_scope());
  if (body_here_)
    client.emplace(client_, answering);
  else
    beside->spawn(upload(server, answering, client));
  if (limited) beside->spawn(limit_request(answering));
  Wire::Head answer = co_await answer_of(server).in(answering);
  client_gone_ = client && client->hung_up();
  const bool tunnels =
      answer.outcome == Wire::Head::Outcome::complete && answer.view->status == 101;
  std::string head;
  Outcome outcome{};
  if (answer.outcome != Wire::Head::Outcome::complete) {
    outcome = no_answer(answer, connection);
  } else if (tunnels) {
    head = answer_head(*answer.view, {}, request_.id.text());
    server.consume(answer.view->bytes);
    server.keep();
  } else {
    outcome = co_await pass_back(server, answer).in(answering);
  }
  if (beside) co_await end(*beside);
  client.reset();
  // It reads the client itself.
  if (tunnels) outcome = co_await tunnel(server, std::move(head));
  co_return outcome;
}

Task<void> Exchange::end(async::TaskGroup& group) {
  group.cancel();
  co_await group.join();
}

// Passes the request's content on, then watches the client.
Task<void> Exchange::upload(Wire& server, async::Scope& answering, Watch& client) {
  const Duration idle = deadlines_->body_idle;
  uploaded_ =
      co_await relay_body(client_, server, ground_.passage, request_.framing, Relay::as_it_is, {},
                          {.receive = idle, .send = idle}, body_limit_);
  // An instance that reads no further may have answered; a client that failed wants none.
  if (uploaded_.outcome)
    client.emplace(client_, answering);
  else if (uploaded_.from_failed && uploaded_.outcome.error() != IoError::cancelled)
    answering.cancel();
}

// Interim answers are the client's (RFC 9110 section 15.2); 101 is final.
Task<Wire::Head> Exchange::answer_of(Wire& server) {
  for (std::size_t interims = 0;; ++interims) {
    Wire::HeadReader reader(server, http::HeadParser::Kind::response, ground_.head_space,
                            deadlines_->answer, deadlines_->head);
    while (!reader.done()) reader.note(co_await server.receive(reader.patience()));
    Wire::Head& answer = reader.head();
    if (answer.outcome != Wire::Head::Outcome::complete || answer.view->status >= 200)
      co_return answer;
    const bool unasked = answer.view->status == 101 && !request_.tunnel;
    if (answer.view->status == 101 && !unasked) co_return answer;
    if (unasked || interims == limits::kInterimAnswers) {
      answer.outcome = Wire::Head::Outcome::refused;
      answer.refusal = {502, unasked ? "it switches protocols unasked" : "too many 1xx answers"};
      server.keep();
      co_return answer;
    }
    co_await pass_interim(server, *answer.view);
  }
}

Task<void> Exchange::pass_interim(Wire& server, const http::HeadView& interim) {
  const std::string head = answer_head(interim, {}, request_.id.text());
  server.consume(interim.bytes);
  server.keep();
  if (request_.version == http::Version::http11)
    (void)co_await client_.send(head, {}, deadlines_->body_idle);
}

Exchange::Outcome Exchange::no_answer(const Wire::Head& answer, Connection connection) {
  const auto upload_error =
      uploaded_.from_failed && !uploaded_.outcome ? uploaded_.outcome.error() : IoError::cancelled;
  if (upload_error == IoError::malformed)
    return fail({400, "bad_request", "The request's content is malformed."}, Outcome::failed);
  if (upload_error == IoError::timed_out)
    return fail({408, "request_timeout", "The rest of the request did not come."}, Outcome::failed);
  if (upload_error == IoError::too_large) {
    refuse_with(body_too_large(body_limit_));
    return Outcome::failed;
  }
  if (late_) return took_too_long();
  if (upload_error != IoError::cancelled || client_gone_ || answer.error == IoError::cancelled) {
    leave();
    return Outcome::settled;
  }
  if (connection == Connection::fresh || answer.began) upstream_->failed(ground_.loop.now());
  const int index = upstream_->spec().index;
  if (answer.outcome == Wire::Head::Outcome::refused)
    return fail({502, "bad_answer",
                 fmt::format("The answer of the app's instance {} breaks the protocol: {}.", index,
                             answer.refusal.reason)},
                Outcome::failed);
  if (answer.error == IoError::timed_out)
    return fail({504, "answer_timeout",
                 fmt::format("The app's instance {} did not answer in time.", index)},
                Outcome::failed);
  // It says that it has not begun (RFC 9113 section 8.7).
  const bool untouched = answer.error == IoError::refused && body_here_;
  return fail(
      {502, "no_answer",
       fmt::format("The app's instance {} closed the connection without an answer.", index)},
      untouched || (repeatable() && !answer.began) ? Outcome::again : Outcome::failed);
}

Task<Exchange::Outcome> Exchange::pass_back(Wire& server, Wire::Head& answer) {
  const http::HeadView& head = *answer.view;
  const bool http10 = request_.version == http::Version::http10;
  const http::Framing framing = http::framing_of_response(head, request_.method);
  const bool unframe = framing.kind == http::Framing::Kind::chunked && http10;
  AnswerWish wish{.say_keep = http10, .unframe = unframe};
  const auto compressor = visit_ ? dress(head, wish) : nullptr;
  const bool until_close =
      (framing.kind == http::Framing::Kind::until_close && !compressor) || unframe;
  const bool close = until_close || !request_.keep_alive || ground_.draining || !upload_done();
  const bool server_keeps = head.keep_alive && framing.kind != http::Framing::Kind::until_close;
  status_ = head.status;
  const std::string cookie =
      sticky_cookie(head, upstream_->spec().id,
                    visit_ ? visit_->settings().session_cookies : std::span<const std::string>());
  wish.close = close;
  wish.cookie = cookie;
  const bool whole = !compressor && came_whole(head, framing, server);
  if (whole) wish.content_here = framing.length;
  std::string text = answer_head(head, wish, request_.id.text());
  server.consume(head.bytes);
  const Patience patience{.receive = deadlines_->answer, .send = deadlines_->body_idle};
  RelayResult relayed;
  if (compressor) {
    relayed =
        co_await relay_compressed(server, client_, framing, *compressor, std::move(text), patience);
  } else if (whole) {
    text += server.here().substr(0, framing.length);
    server.consume(framing.length);
    server.keep();
    Passage::Hold held(ground_.passage);
    if (!client_.is_socket()) held.set(2 * text.size());  // a carrier has a copy, too
    relayed.begun = true;
    relayed.bytes = framing.length;
    relayed.outcome = co_await client_.send(text, {}, patience.send);
  } else {
    relayed = co_await relay_body(server, client_, ground_.passage, framing,
                                  unframe ? Relay::data_only : Relay::as_it_is, std::move(text),
                                  patience);
  }
  sent_bytes_ = relayed.bytes;
  if (relayed.outcome) {
    upstream_->succeeded();
    if (server_keeps && upload_done() && server.here().empty()) upstream_->keep(server.take_line());
    after_ = !close ? After::next : upload_done() ? After::close : After::linger;
    co_return Outcome::settled;
  }
  const bool cut = relayed.from_failed && relayed.outcome.error() != IoError::cancelled;
  if (cut) upstream_->failed(ground_.loop.now());
  if (cut && !relayed.begun)
    co_return fail({502, "bad_answer",
                    fmt::format("The content of the answer of the app's instance {} breaks the "
                                "protocol.",
                                upstream_->spec().index)},
                   Outcome::failed);
  error_ = late_ ? "request_timeout" : cut ? "answer_cut_short" : "client_gone";
  after_ = until_close ? After::abort : After::close;
  co_return Outcome::settled;
}

Task<Exchange::Outcome> Exchange::tunnel(Wire& server, std::string head) {
  status_ = 101;
  after_ = After::close;
  upstream_->succeeded();
  if (!co_await client_.send(head, {}, deadlines_->body_idle)) co_return Outcome::settled;
  const auto bytes = co_await relay_all(client_, server, ground_.passage, deadlines_->answer);
  uploaded_.bytes = bytes.from_a;
  sent_bytes_ = bytes.from_b;
  co_return Outcome::settled;
}

}  // namespace nuri::router
