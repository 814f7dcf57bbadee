#pragma once

// One user with one app: creates it and changes it a few times through the API, one request after
// another but for pushes side by side. What the answers acknowledge is noted.

#include <functional>

#include "line.h"
#include "platform.h"
#include "trace.h"

namespace nuri::sim {

struct UserParts {
  Random& random;
  Line& line;
  const Platform& platform;
  Expected& expected;
  Trace& trace;
  // After a good answer: checks that what is expected of the app holds already.
  std::function<void(const AppGuid&)> acknowledged;
  // After the answer that its deletion is complete.
  std::function<void(const AppGuid&)> deleted;
  std::function<void(std::string)> violated;
};

class User {
 public:
  User(UserParts parts, std::string name, Duration longest_pause)
      : parts_(std::move(parts)), name_(std::move(name)), longest_pause_(longest_pause) {}
  Task<void> live();

 private:
  // One request, with a token; logs in where that is needed.
  Task<Reply> ask(std::string method, std::string path, json::object body = {});
  Task<Reply> send(Wanted wanted);
  Task<void> log_in();
  // One request that sets a value that is expected of the app.
  template <class T>
  Task<Reply> change(Possible<T>& what, T value, std::string method, std::string path,
                     json::object body = {});
  // change(), again and again while it is not known what became of it. Some give up.
  template <class T>
  Task<Reply> insist(Possible<T>& what, T value, std::string method, std::string path,
                     json::object body = {});
  Task<bool> try_again();
  // Follows the job of an accepted request. True: it is COMPLETE.
  Task<bool> job_done(Reply accepted);

  Task<void> create();
  Task<void> act();
  Task<void> act_rarely(std::uint64_t roll);
  Task<void> push();
  Task<void> push_side_by_side();
  Task<std::string> upload(std::string package);
  Task<std::string> build(std::string package);
  Task<void> deploy(std::string droplet, std::string strategy);
  enum class Ask { start, stop, restart };
  Task<void> ask_to(Ask what);
  Task<void> scale(std::string type, int instances);
  Task<void> set_env();
  Task<void> cancel_deployment();
  Task<void> add_route();
  Task<void> change_route();
  Task<void> delete_app();
  Task<void> pause();

  std::string app_path(std::string_view more = {}) const;
  ExpectedApp& expected() { return parts_.expected.at(app_); }
  std::uint64_t below(std::uint64_t bound) { return parts_.random.below(bound); }
  std::string some_text() { return std::to_string(below(1'000'000)); }

  UserParts parts_;
  std::string name_;
  Duration longest_pause_;
  std::string token_;
  AppGuid app_;
  bool gone_ = false;
};

}  // namespace nuri::sim
