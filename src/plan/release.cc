#include "plan/release.h"

#include "base/error.h"

namespace nuri::plan {
namespace {

std::string what_changed(const model::Revision& now, const std::optional<model::Revision>& before) {
  if (!before) return "Initial revision.";
  std::string text;
  if (now.droplet != before->droplet) text += "New droplet deployed. ";
  if (now.env != before->env) text += "New environment variables deployed. ";
  if (now.processes != before->processes) text += "New process settings deployed. ";
  if (text.ends_with(' ')) text.pop_back();
  return text;
}

}  // namespace

Release release(const model::App& app, const std::vector<model::Process>& processes,
                const std::optional<model::Revision>& latest, const ReleaseWish& wish, WallTime now,
                Random& random) {
  if (!app.current_droplet)
    throw Error(Code::unprocessable, "Assign a droplet before starting this app.");
  model::Revision revision;
  revision.guid = RevisionGuid::make(random);
  revision.app = app.guid;
  revision.droplet = app.current_droplet;
  revision.env = app.env;
  for (const model::Process& process : processes) {
    model::ProcessSettings settings = process;
    settings.instances = 0;  // scaling is no new revision
    revision.processes.push_back(std::move(settings));
  }
  const bool changed = !latest || latest->droplet != revision.droplet ||
                       latest->env != revision.env || latest->processes != revision.processes;
  revision.version = latest ? latest->version + 1 : 1;
  revision.description =
      wish.description.empty() ? what_changed(revision, latest) : wish.description;
  revision.created_at = revision.updated_at = now;

  Release out;
  out.deployment.guid = DeploymentGuid::make(random);
  out.deployment.app = app.guid;
  out.deployment.revision = changed ? revision.guid : latest->guid;
  out.deployment.droplet = revision.droplet;
  out.deployment.previous = app.current_deployment;
  if (latest) out.deployment.previous_droplet = latest->droplet;
  out.deployment.strategy = wish.strategy;
  out.deployment.options = wish.options;
  out.deployment.last_status_change = out.deployment.created_at = out.deployment.updated_at = now;
  if (changed) out.revision = std::move(revision);
  return out;
}

}  // namespace nuri::plan
