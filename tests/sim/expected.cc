#include "expected.h"

#include <fmt/format.h>

#include "model/release.h"
#include "model/source.h"
#include "trace.h"

namespace nuri::sim {

void Ledger::commit() {
  for (auto& [app, effect] : pending_) effect(expected_[app]);
  pending_.clear();
}

namespace {

template <class T>
std::string missing(store::Reader& reader, std::string_view what,
                    const std::set<std::string>& guids) {
  for (const std::string& guid : guids)
    if (!reader.find(Guid<T>(guid))) return fmt::format("{} {} is lost", what, guid);
  return {};
}

std::string lost_of(store::Reader& reader, const AppGuid& guid, const ExpectedApp& expected) {
  const auto app = reader.find(guid);
  if (expected.delete_asked) return app ? fmt::format("app {} is not deleted", brief(guid)) : "";
  if (!app) return fmt::format("app {} is lost", brief(guid));
  if (app->state != expected.state)
    return fmt::format("app {} is {}", brief(guid), model::to_text(app->state));
  if (app->env != expected.env) return fmt::format("app {} has another environment", brief(guid));
  for (const auto& process :
       reader.all(store::Query<model::Process>().where(&model::Process::app, guid)))
    if (process.instances != expected.instances.at(process.type))
      return fmt::format("process {} of app {} was scaled to {}, not {}", process.type, brief(guid),
                         expected.instances.at(process.type), process.instances);
  std::string text = missing<model::Package>(reader, "package", expected.packages);
  if (text.empty()) text = missing<model::Build>(reader, "build", expected.builds);
  if (text.empty()) text = missing<model::Revision>(reader, "revision", expected.revisions);
  if (text.empty()) text = missing<model::Deployment>(reader, "deployment", expected.deployments);
  return text;
}

}  // namespace

std::string lost_write(store::Reader& reader, const Expected& expected) {
  for (const auto& [guid, app] : expected)
    if (std::string text = lost_of(reader, guid, app); !text.empty()) return text;
  return {};
}

}  // namespace nuri::sim
