#include "settled.h"

#include <fmt/format.h>

#include <map>

#include "image/oci.h"
#include "image/package.h"
#include "model/instance.h"
#include "model/job.h"
#include "model/release.h"
#include "model/routing.h"
#include "model/source.h"
#include "trace.h"

namespace nuri::sim {

using engine::Behaviour;
using model::AppState;
using model::Deployment;
using model::DeploymentReason;
using model::DeploymentState;
using model::Instance;
using model::InstanceState;
using store::Query;

namespace {

std::set<Digest> set_of(const std::vector<Digest>& all) { return {all.begin(), all.end()}; }

class Judge {
 public:
  explicit Judge(const Judged& judged) : j_(judged) {}

  std::string verdict() {
    std::string text = lost_writes(j_.reader, j_.expected);
    if (text.empty()) text = leftovers();
    for (const auto& app : j_.reader.all(Query<model::App>()))
      if (text.empty()) text = of_app(app);
    if (text.empty()) text = of_router();
    return text;
  }

 private:
  std::string leftovers() {
    for (const auto& job : j_.reader.all(Query<model::Job>()))
      if (job.state != model::JobState::complete)
        return fmt::format("job {} is {}", brief(job.guid), model::to_text(job.state));
    for (const auto& build : j_.reader.all(Query<model::Build>()))
      if (build.state == model::BuildState::staging || build.step != model::BuildStep::done)
        return fmt::format("build {} is {}, {}", brief(build.guid), model::to_text(build.state),
                           model::to_text(build.step));
    for (const auto& d : j_.reader.all(Query<Deployment>()))
      if (d.state == DeploymentState::active)
        return fmt::format("deployment {} is still ACTIVE", brief(d.guid));
    if (j_.machine.anything_on_its_way()) return "a request is still on its way";
    for (const auto& [guid, sandbox] : j_.machine.sandboxes()) {
      if (sandbox.build) return fmt::format("the sandbox of build {} is left", brief(guid));
      if (!j_.reader.find(guid)) return fmt::format("sandbox {} has no row", brief(guid));
    }
    return {};
  }

  std::string of_app(const model::App& app) {
    rows_ = j_.reader.all(Query<Instance>().where(&Instance::app, app.guid));
    if (app.state == AppState::stopped || app.current_deployment.empty())
      return rows_.empty() ? "" : fmt::format("app {} has instances", brief(app.guid));
    const auto current = j_.reader.get(app.current_deployment);
    for (const Instance& row : rows_)
      if (row.deployment != current.guid)
        return fmt::format("instance {} is of an old deployment", brief(row.guid));
    if (std::string text = of_choice(app, current); !text.empty()) return text;
    if (!steady(current)) return {};
    for (const auto& process :
         j_.reader.all(Query<model::Process>().where(&model::Process::app, app.guid)))
      if (std::string text = of_process(process); !text.empty()) return text;
    return {};
  }

  Behaviour behaviour(const Deployment& d) {
    return j_.machine.behaviour(j_.reader.get(d.droplet).image);
  }
  // Its instances, once they run, run on.
  bool steady(const Deployment& d) {
    return behaviour(d) == Behaviour::healthy || behaviour(d) == Behaviour::slow_start;
  }

  // The newest deployment serves, or it failed or was cancelled and the one before serves.
  std::string of_choice(const model::App& app, const Deployment& current) {
    const auto newest =
        j_.reader.first(Query<Deployment>()
                            .where(&Deployment::app, app.guid)
                            .order_by(&Deployment::created_at, store::Order::descending));
    if (newest->guid == current.guid) return {};
    if (newest->reason != DeploymentReason::failed && newest->reason != DeploymentReason::canceled)
      return fmt::format("deployment {} is {}, but {} serves", brief(newest->guid),
                         model::to_text(newest->reason), brief(current.guid));
    if (newest->reason == DeploymentReason::failed && steady(*newest) &&
        newest->created_at > j_.faults_ended)
      return fmt::format("deployment {} failed though its app is well", brief(newest->guid));
    return {};
  }

  std::string of_process(const model::Process& process) {
    int well = 0, all = 0;
    for (const Instance& row : rows_) {
      if (row.process != process.guid) continue;
      ++all;
      const auto sandbox = j_.machine.sandboxes().find(row.guid);
      if (row.state == InstanceState::running && row.routable && row.index < process.instances &&
          sandbox != j_.machine.sandboxes().end() && !sandbox->second.exit)
        ++well;
    }
    if (well == process.instances && all == well) return {};
    return fmt::format("{} of app {} has {} instances, {} of them well; {} are wanted",
                       process.type, brief(process.app), all, well, process.instances);
  }

  // The router's table is what the rows say: every mapped route, and to each the instances that
  // serve.
  std::string of_router() {
    std::map<std::string, std::set<std::string>> wanted, found;
    for (const auto& route : j_.reader.all(Query<model::Route>()))
      for (const auto& one :
           j_.reader.all(Query<model::Destination>().where(&model::Destination::route, route.guid)))
        add_upstreams(wanted, route.host + "." + j_.reader.get(route.domain).name, one);
    for (const auto& entry : j_.router.table()) {
      auto& upstreams = found[entry.host];
      for (const auto& upstream : entry.upstreams) upstreams.insert(upstream.id);
    }
    for (const auto& [host, upstreams] : found)
      if (!wanted.contains(host)) return fmt::format("the router serves {}, no route", host);
    for (const auto& [host, upstreams] : wanted)
      if (!found.contains(host) || (!unsteady_.contains(host) && found.at(host) != upstreams))
        return fmt::format("the router does not send {} to its {} instances", host,
                           upstreams.size());
    return {};
  }

  void add_upstreams(std::map<std::string, std::set<std::string>>& wanted, const std::string& host,
                     const model::Destination& destination) {
    auto& upstreams = wanted[host];
    for (const Instance& row :
         j_.reader.all(Query<Instance>().where(&Instance::app, destination.app))) {
      if (!steady(j_.reader.get(row.deployment))) unsteady_.insert(host);
      if (row.routable && j_.reader.get(row.process).type == destination.process_type)
        upstreams.insert(row.guid.str());
    }
  }

  const Judged& j_;
  std::vector<Instance> rows_;
  std::set<std::string> unsteady_;  // hosts whose instances come and go
};

// What the rows hold on to.
std::set<Digest> needed_blobs(const Judged& j) {
  std::set<Digest> out;
  for (const auto& file : j.reader.all(Query<model::SourceFile>())) out.insert(file.digest);
  for (const auto& package : j.reader.all(Query<model::Package>()))
    if (!package.files.empty()) out.merge(set_of(image::blobs_of_package(j.blobs, package.files)));
  for (const auto& droplet : j.reader.all(Query<model::Droplet>()))
    out.merge(set_of(image::oci::blobs_of_image(j.blobs, droplet.image)));
  return out;
}

std::string leaked_blobs(const Judged& j) {
  const auto needed = needed_blobs(j);
  for (const Digest& digest : needed)
    if (!j.blobs.exists(digest)) return fmt::format("blob {} is gone and needed", digest.str());
  if (const auto there = j.blobs.usage().blobs; there != needed.size())
    return fmt::format("{} blobs are stored, {} needed", there, needed.size());
  return {};
}

std::string leaked_of_machine(const Judged& j) {
  std::set<Digest> images;
  for (const auto& droplet : j.reader.all(Query<model::Droplet>())) images.insert(droplet.image);
  for (const Digest& image : j.machine_disk.images)
    if (!images.contains(image))
      return fmt::format("the layers of {} are left, no droplet has them", image.str());
  for (const AppGuid& app : j.machine_disk.caches)
    if (!j.reader.find(app)) return fmt::format("the build cache of app {} is left", brief(app));
  return {};
}

}  // namespace

std::string leaked(const Judged& judged) {
  std::string text = leaked_blobs(judged);
  if (text.empty()) text = leaked_of_machine(judged);
  for (const auto& [guid, app] : judged.expected)
    if (text.empty() && !judged.reader.find(guid) &&
        judged.logs.token(guid.str()) != telemetry::LogToken{})
      text = fmt::format("the log of the deleted app {} is left", brief(guid));
  return text;
}

std::string unsettled(const Judged& judged) { return Judge(judged).verdict(); }

}  // namespace nuri::sim
