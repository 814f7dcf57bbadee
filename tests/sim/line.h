#pragma once

// The line on which users reach the API of whichever server lives now.

#include <memory>
#include <string>
#include <vector>

#include "api/cf/test_api.h"
#include "expected.h"
#include "simulated_server.h"

namespace nuri::sim {

struct Reply {
  Fate fate = Fate::unknown;
  api::Answer answer;  // status 0: none came

  // A text in its body, by RFC 6901; empty if it is not there.
  std::string text(std::string_view pointer) const;
};

struct Wanted {
  std::string method, path, body;
  http::Headers headers;
};

// Requests fail as over a socket: refused while no server lives, cut when it dies meanwhile.
class Line {
 public:
  void connect(SimulatedServer& server) { server_ = &server; }
  // The server dies: what is under way gets no answer.
  void cut();
  Task<Reply> ask(Wanted wanted);

 private:
  struct Exchange;
  static Task<void> serve(api::CfApi& api, std::shared_ptr<Exchange> exchange);

  SimulatedServer* server_ = nullptr;
  std::vector<std::shared_ptr<Exchange>> open_;
};

}  // namespace nuri::sim
