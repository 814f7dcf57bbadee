#pragma once

// FakeMachine: what stands in for sandboxes in a simulation. It outlives the simulated server, as
// real sandboxes do: FakeEngine is a server's connection to it. What a server sent before it died
// still arrives, in the order of sending for each instance, as with the real host.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "engine/engine.h"

namespace nuri::engine {

// How an app behaves, chosen by its image.
enum class Behaviour { healthy, slow_start, never_listens, exits_at_once, crashes_later };

// In per cent of calls, seeded.
struct FakeFaults {
  unsigned refused = 0;      // Error{unavailable}, and nothing was done
  unsigned answer_lost = 0;  // it was done, but Error{unavailable}
  unsigned stop_lost = 0;    // a stop that is acknowledged and does nothing
  unsigned no_sandbox = 0;   // a start fails for the app's developer to see
  unsigned build_fails = 0;
  Duration slowest_call = std::chrono::milliseconds(200);  // each way
};

class FakeMachine {
 public:
  struct Sandbox {
    InstanceSpec spec;
    bool build = false;
    bool stop_asked = false;
    Time starts_at, ready_at, ends_at = kNever;  // kNever: not by itself
    std::optional<model::InstanceExit> exit;
  };

  explicit FakeMachine(Random& random) : random_(random) {}

  void behave(const Digest& image, Behaviour behaviour) { behaviours_[image] = behaviour; }
  Behaviour behaviour(const Digest& image) const;

  // Lets what was sent arrive and what has ended by `now` end. True if something can be seen to
  // have changed since the last call.
  bool advance(Time now);
  // When advance() has something to do next.
  Time next_event() const;

  // Puts a request about `guid` on its way; returns when it arrives: at `when`, or later, behind
  // those sent before it. `what` runs in advance(), also if its sender is gone by then.
  Time send(const InstanceGuid& guid, Time when, std::function<void(FakeMachine&, Time)> what);
  bool anything_on_its_way() const { return !requests_.empty(); }

  void start(const InstanceSpec& spec, Time now);
  void start_build(const BuildSpec& spec, Time now);
  void stop(const InstanceGuid& guid, Duration grace, Time now);
  void remove(const InstanceGuid& guid);
  // As kill -9 of it.
  void kill(const InstanceGuid& guid, Time now);
  const std::map<InstanceGuid, Sandbox>& sandboxes() const { return sandboxes_; }
  // Of those that run: two with the same deployment, process type and index; empty if there are
  // none.
  std::string doubles() const;
  // The image that a build of this package makes, always the same.
  Digest image_of(const Digest& package) const;

  FakeFaults faults;
  std::size_t starts = 0;
  std::size_t stops = 0;
  std::size_t builds = 0;

 private:
  struct Request {
    InstanceGuid guid;
    std::function<void(FakeMachine&, Time)> what;
  };
  void end_due(Time now);

  Random& random_;
  bool changed_ = false;
  std::map<Digest, Behaviour> behaviours_;
  std::map<InstanceGuid, Sandbox> sandboxes_;
  std::multimap<Time, Request> requests_;  // by arrival
};

}  // namespace nuri::engine
