#pragma once

// Challenges: how it is shown that a name is ours (RFC 8555 section 8).

#include <string>
#include <string_view>

#include "async/loop.h"
#include "async/task.h"

namespace nuri::acme {

// What answers http://NAME/.well-known/acme-challenge/TOKEN with a key authorization, for any name.
class ChallengeResponder {
 public:
  virtual ~ChallengeResponder() = default;
  // Ends when every way in answers with it. Throws Error.
  virtual Task<void> set(std::string token, std::string key_authorization) = 0;
  virtual Task<void> clear(std::string token) = 0;
};

// One way to meet challenges. `name` is the host without "*.".
class Solver {
 public:
  virtual ~Solver() = default;
  virtual std::string_view type() const = 0;  // "http-01"
  virtual bool takes_wildcards() const = 0;
  // Throws Error. Each present() that ended is followed by a clear().
  virtual Task<void> present(std::string name, std::string token, std::string authorization) = 0;
  virtual Task<void> clear(std::string name, std::string token, std::string authorization) = 0;
};

class HttpSolver final : public Solver {
 public:
  explicit HttpSolver(ChallengeResponder& responder) : responder_(responder) {}
  std::string_view type() const override { return "http-01"; }
  bool takes_wildcards() const override { return false; }
  Task<void> present(std::string name, std::string token, std::string authorization) override;
  Task<void> clear(std::string name, std::string token, std::string authorization) override;

 private:
  ChallengeResponder& responder_;
};

// Runs the operator's program, no shell between: PROGRAM present|cleanup NAME VALUE, with NAME
// "_acme-challenge.example.com" and VALUE the TXT record's text. `present` must end with 0 when the
// record is visible to the world; several values may stand under one name at the same time. Each
// run has limits::kAcmeHookDeadline.
class DnsHook final : public Solver {
 public:
  DnsHook(async::Loop& loop, std::string program) : loop_(loop), program_(std::move(program)) {}
  std::string_view type() const override { return "dns-01"; }
  bool takes_wildcards() const override { return true; }
  Task<void> present(std::string name, std::string token, std::string authorization) override;
  Task<void> clear(std::string name, std::string token, std::string authorization) override;

 private:
  Task<void> run(std::string verb, std::string name, std::string authorization);
  async::Loop& loop_;
  std::string program_;
};

}  // namespace nuri::acme
