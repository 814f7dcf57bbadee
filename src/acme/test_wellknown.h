#pragma once

// What port 80 of every name would be, for tests.

#include <map>
#include <string>

#include "acme/challenge.h"
#include "http/service.h"

namespace nuri::acme {

// Keeps the challenges that it is given.
class TokenKeeper : public ChallengeResponder {
 public:
  Task<void> set(std::string token, std::string authorization) override {
    tokens[token] = authorization;
    co_return;
  }
  Task<void> clear(std::string token) override {
    tokens.erase(token);
    co_return;
  }
  std::map<std::string, std::string> tokens;
};

// Serves them.
class Wellknown final : public TokenKeeper, public http::Service {
 public:
  Task<void> serve(http::Request& request, http::Response& response) override {
    const auto found = tokens.find(request.path.substr(request.path.rfind('/') + 1));
    const bool known = found != tokens.end() && !broken;
    ++asked;
    co_await response.send(known ? 200 : 404, {}, known ? found->second : "not here");
  }
  int asked = 0;
  bool broken = false;
};

}  // namespace nuri::acme
