#pragma once

// PathRouter: a Service made of handlers by method and path. What no route matches is answered as
// Cloud Foundry does: 404 "Unknown request"; a path without that method 405 with Allow. A trailing
// slash is dropped, HEAD is served by GET's handler.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/service.h"

namespace nuri::http {

// What stood in the places of a pattern, percent-decoded.
class Params {
 public:
  // The value of ":name" or "*name"; asserted to be in the pattern.
  const std::string& operator[](std::string_view name) const;
  void add(std::string name, std::string value) {
    all_.emplace_back(std::move(name), std::move(value));
  }

 private:
  std::vector<std::pair<std::string, std::string>> all_;
};

class PathRouter final : public Service {
 public:
  // An ordinary function that returns a task, for example a lambda that calls a member coroutine;
  // not a coroutine lambda with captures.
  using Handler = std::function<Task<void>(Request&, Response&, Params)>;

  PathRouter();
  ~PathRouter() override;

  // Pattern: "GET /v3/apps/:guid/env", or "GET /files/*path" for all the rest, slashes included
  // ("GET /*path" for everything). A fixed segment goes before a ":", that before a "*". Asserts on
  // a malformed or repeated pattern. Before the first request only.
  void add(std::string_view pattern, Handler handler);

  Task<void> serve(Request& request, Response& response) override;

 private:
  struct Node;
  struct Route {
    std::vector<std::string> names;
    Handler handler;
  };
  struct Match;
  static bool find(const Node& node, std::string_view path, Match& match);

  std::unique_ptr<Node> root_;
};

}  // namespace nuri::http
