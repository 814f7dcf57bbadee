#pragma once

// Users, and the line on which they reach whichever server lives now.

#include <expected>
#include <memory>
#include <vector>

#include "simulated_server.h"
#include "user_actions.h"

namespace nuri::sim {

// Requests fail as over a socket: refused while no server lives, cut when it dies meanwhile.
class Line {
 public:
  explicit Line(Trace& trace) : trace_(trace) {}

  void connect(SimulatedServer& server) { server_ = &server; }
  // The server dies: what is under way gets no answer.
  void cut();

  // What the transaction returned, or why there is no good answer: then it may have happened all
  // the same, unless the Error is not_found, unprocessable or no_space.
  template <class Body>
  Task<std::expected<std::invoke_result_t<Body, store::Writer&>, Error>> write(Body body) {
    using Result = std::invoke_result_t<Body, store::Writer&>;
    co_return co_await ask<Result>(
        [](store::LiveStore& store, Body what) { return store.write(std::move(what)); },
        std::move(body));
  }
  template <class Body>
  Task<std::expected<std::invoke_result_t<Body, store::Reader&>, Error>> read(Body body) {
    using Result = std::invoke_result_t<Body, store::Reader&>;
    co_return co_await ask<Result>(
        [](store::LiveStore& store, Body what) { return store.read(std::move(what)); },
        std::move(body));
  }

 private:
  struct Open {
    async::Event answered;
  };
  template <class Result>
  struct Exchange : Open {
    std::expected<Result, Error> answer = std::unexpected(Error(Code::unavailable, "cut"));
  };

  template <class Result, class How, class Body>
  Task<std::expected<Result, Error>> ask(How how, Body body) {
    if (!server_) co_return std::unexpected(Error(Code::unavailable, "refused"));
    auto exchange = std::make_shared<Exchange<Result>>();
    open_.push_back(exchange);
    server_->spawn(serve<Result>(how(server_->store(), std::move(body)), exchange));
    (void)co_await exchange->answered.wait();
    std::erase(open_, exchange);
    co_return std::move(exchange->answer);
  }
  template <class Result>
  static Task<void> serve(Task<Result> work, std::shared_ptr<Exchange<Result>> exchange) {
    try {
      exchange->answer = co_await std::move(work);
    } catch (const Error& error) {
      exchange->answer = std::unexpected(error);
    }
    exchange->answered.set();
  }

  Trace& trace_;
  SimulatedServer* server_ = nullptr;
  std::vector<std::shared_ptr<Open>> open_;
};

struct UserParts {
  async::Loop& loop;
  Line& line;
  Desk& desk;
  engine::FakeMachine& machine;
  Trace& trace;
};

// One user with one app: creates it and changes it a few times, one request after another but for
// pushes side by side.
class User {
 public:
  User(UserParts parts, std::string name, Duration longest_pause)
      : parts_(parts), name_(std::move(name)), longest_pause_(longest_pause) {}
  Task<void> live();

 private:
  Task<void> create();
  Task<void> act();
  Task<void> push();
  Task<void> push_twice();
  Task<bool> built(BuildGuid build);
  template <class Body>
  Task<void> insist(std::string what, Body body);
  Task<void> pause();
  std::uint64_t below(std::uint64_t bound) { return parts_.desk.random.below(bound); }

  UserParts parts_;
  std::string name_;
  Duration longest_pause_;
  AppGuid app_;
  bool gone_ = false;
};

}  // namespace nuri::sim
