#pragma once

// One request and its answer: find the route, pick an instance, pass on, pass back, perhaps try
// another instance. One loop's thread; no exceptions.
//
// Tried on another instance: anything of which no byte was written, and GET, HEAD, OPTIONS and
// TRACE until a byte of the answer came, if their content is small enough to be at hand.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "async/task_group.h"
#include "base/limits.h"
#include "router/access_log.h"
#include "router/compressor.h"
#include "router/edge.h"
#include "router/front.h"
#include "router/request_head.h"
#include "router/request_id.h"
#include "router/route_table.h"
#include "router/wire.h"

namespace nuri::router {

struct Deadlines {
  Duration idle = limits::kIdleDeadline;           // for a client's next request
  Duration head = limits::kHeadDeadline;           // for the rest of a head
  Duration body_idle = limits::kBodyIdleDeadline;  // for each next piece to or from a client
  Duration connect = 5s;                           // to an instance
  Duration answer = 15min;  // for an instance's answer to begin, and each next piece of it
};

// What is common to the requests of one worker.
struct Ground {
  async::Loop& loop;
  RouteTable& table;
  Deadlines deadlines{};
  Front front{};  // whom to believe
  std::uint16_t https_port = 443;
  bool draining = false;         // each connection ends after the request that it is in
  http::HeadSpace head_space{};  // used between two waits only, so one is enough
  std::function<void(const std::string& app)> ask_wake{};  // requests wait for it; empty: nobody
  PasswordChecks password_checks{};
  Passage passage{};
  std::size_t compressions = 0;  // under way
};

// Who asks, and how.
struct Peer {
  net::Address network;
  std::string address{};
  bool secure = false;             // over TLS
  std::string_view protocol = {};  // "HTTP/2"; empty: as the request line says
};

struct Visit;

// A request's head as text that outlives the client's buffer; the views point into it.
struct Request {
  // `bytes` begins with the head.
  Request(const http::HeadView& head, std::string_view bytes, const Peer& peer, Origin origin,
          const RequestId& id);
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  std::string text;  // what the views point into
  RequestId id;
  std::string client;
  std::string_view protocol;  // "HTTP/1.1"
  bool secure;                // it came over TLS, here or at a trusted proxy
  std::string_view method, authority, path, referer, user_agent, accept;
  std::string_view sticky;  // the instance of its session; empty: any
  std::string host;         // as routes name it
  http::Version version;
  bool keep_alive, tunnel;
  http::Framing framing;
  std::string_view raw, head;  // as it came, as it is sent to instances
};

// What becomes of the client's connection.
enum class After {
  next,    // it may ask again
  close,   // it is over
  linger,  // it is over, but the client may still be sending: read that away for a while
  abort,   // the answer was cut short and only a reset can tell
};

class Exchange {
 public:
  // All outlive run().
  Exchange(Ground& ground, Wire& client, const Request& request);
  ~Exchange();

  // To the end of the answer.
  Task<After> run();
  // The app whose route it was; empty if there was none.
  std::string_view app() const { return app_; }
  // For the client's next request on its connection.
  Duration idle() const { return deadlines_->idle; }
  Access access() const;
  // Adds what came of it to the route's counters, or to those of unknown routes; an authority's
  // challenge to none. Once, after run().
  void count();

 private:
  struct Failure {
    int status = 0;  // none yet
    std::string_view error;
    std::string message;
    std::string fields = {};  // more header lines
    std::string_view page = {};
    std::string_view type = {};  // of the message, if that is all of the content
    int retry_after_s = 2;
  };
  enum class Outcome {
    settled,  // after_ says how
    failed,   // failure_ says how; the client has got nothing yet
    again,    // as failed, and another instance may be tried
  };

  enum class Connection { kept, fresh };

  // How it comes to an instance (exchange_gate.cc).
  enum class Choice {
    found,  // upstream_, and its slots
    full,   // of those that could be used none is free
    none,
  };
  Choice choose(Route& route);
  Task<bool> wait_in_line(Route& route, Choice why);
  void ask_wake(Route& route);
  void give_slots_back(Route& route);

  void take_early_body();
  // Whether the request may be sent to another instance as long as nothing was answered.
  bool repeatable() const;
  // Frames of at most 1,032 bytes are cheap: glibc keeps those at hand.
  Task<Outcome> attempt();
  [[gnu::noinline]] Task<Outcome> converse(Wire& server, Connection connection);
  Task<Wire::Head> answer_of(Wire& server);
  [[gnu::noinline]] Task<Outcome> pass_back(Wire& server, Wire::Head& answer);
  // What few requests need is kept out of line: it would make every request's frame larger.
  [[gnu::noinline]] Task<void> pass_interim(Wire& server, const http::HeadView& interim);
  [[gnu::noinline]] Task<Outcome> tunnel(Wire& server, std::string head);
  using Watch = std::optional<Wire::Watch>;
  [[gnu::noinline]] static Task<void> end(async::TaskGroup& group);
  [[gnu::noinline]] Task<void> upload(Wire& server, async::Scope& answering, Watch& client);
  Outcome not_connected(IoError error, Time began);
  Outcome not_sent(IoError error, Connection connection);
  Outcome no_answer(const Wire::Head& answer, Connection connection);
  Outcome fail(Failure failure, Outcome outcome);
  void note_route(const Route& route);
  bool may_try(Route& route);
  Failure unknown_route() const;
  After leave();
  [[gnu::noinline]] Task<After> refuse();
  [[gnu::noinline]] Task<After> answer_challenge(const std::string& authorization);
  // Of routes with settings only (exchange_edge.cc). admit: false, and failure_ says why, if the
  // request is not for an instance.
  Task<bool> admit(std::shared_ptr<RouteEdge> edge);
  void refuse_with(EdgeAnswer answer);
  Task<void> limit_request(async::Scope& answering);
  // What is left of the time that the whole of it may take.
  Duration rest() const;
  Outcome took_too_long();
  // Null: the content goes on as it is.
  std::unique_ptr<Compressor> dress(const http::HeadView& answer, AnswerWish& wish);
  std::uint64_t received_bytes() const { return body_here_ ? early_body_.size() : uploaded_.bytes; }
  bool upload_done() const { return body_here_ || uploaded_.outcome; }

  Ground& ground_;
  Wire& client_;
  const Request& request_;
  Time began_;
  WallTime began_wall_;
  std::string app_;
  // The first route that was found: the request is its.
  struct Asked {
    explicit Asked(std::shared_ptr<RouteCounters> of) : counters(std::move(of)) {
      ++counters->in_flight;
    }
    ~Asked() { --counters->in_flight; }
    Asked(const Asked&) = delete;
    Asked& operator=(const Asked&) = delete;
    std::shared_ptr<RouteCounters> counters;
  };
  std::optional<Asked> asked_;
  std::unique_ptr<Visit> visit_;  // null: the route has no settings
  const Deadlines* deadlines_ = &ground_.deadlines;
  std::uint64_t body_limit_ = UINT64_MAX;
  bool late_ = false;                        // the whole of it took too long
  std::unique_ptr<RouteGate::Stand> stand_;  // while it waits in the route's line
  Slots::Taken route_slot_, instance_slot_;
  std::shared_ptr<Upstream> upstream_;
  Tried tried_;
  std::string early_body_;  // all of the content, framing and all, if it came with the head
  bool body_here_ = false;  // early_body_ is all of it
  RelayResult uploaded_{std::unexpected(IoError::cancelled), false, 0};  // else; until it is done
  bool client_gone_ = false;

  After after_ = After::close;
  Failure failure_;
  int status_ = 0;
  std::uint64_t sent_bytes_ = 0;
  std::string_view error_;
  Duration upstream_took_{};
};

}  // namespace nuri::router
