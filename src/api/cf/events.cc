#include "api/cf/access.h"
#include "api/cf/listing.h"
#include "api/cf/resources.h"
#include "model/job.h"

namespace nuri::api {
namespace {

using model::Event;
using store::Query;

json::value reference(const std::string& guid) {
  if (guid.empty()) return nullptr;
  return json::object{{"guid", guid}};
}

json::object event_json(const Call& call, const Event& event) {
  return {{"guid", event.guid.str()},
          {"created_at", rfc3339(event.created_at)},
          {"updated_at", rfc3339(event.updated_at)},
          {"type", event.type},
          {"actor",
           json::object{
               {"guid", event.actor_guid}, {"type", event.actor_type}, {"name", event.actor_name}}},
          {"target", json::object{{"guid", event.target_guid},
                                  {"type", event.target_type},
                                  {"name", event.target_name}}},
          {"data", json::parse_object(event.data)},
          {"space", reference(event.space_guid)},
          {"organization", reference(event.org_guid)},
          {"links", json::object{{"self", call.href("/v3/audit_events/" + event.guid.str())}}}};
}

std::optional<std::vector<std::string>> visible_space_texts(store::Reader& reader,
                                                            const model::User& user) {
  const auto spaces = visible_spaces(reader, user);
  if (!spaces) return std::nullopt;
  std::vector<std::string> out;
  for (const SpaceGuid& space : *spaces) out.push_back(space.str());
  return out;
}

Task<void> list_events(Call call) {
  const PageRequest wanted = page_request(call.request);
  const auto page = co_await call.parts.store.read(
      [user = call.user, wanted, types = filter(call.request, "types"),
       targets = filter(call.request, "target_guids"),
       orgs = filter(call.request, "organization_guids"),
       spaces = filter(call.request, "space_guids")](store::Reader& reader) {
        Query<Event> query;
        if (const auto allowed = both(visible_space_texts(reader, user), spaces))
          query.any(&Event::space_guid, *allowed);
        if (types) query.any(&Event::type, *types);
        if (targets) query.any(&Event::target_guid, *targets);
        if (orgs) query.any(&Event::org_guid, *orgs);
        apply(query, wanted);
        return reader.list(query);
      });
  json::array resources;
  for (const Event& event : page.items) resources.push_back(event_json(call, event));
  co_await call.answer(200, list_json(call, wanted, page.total, std::move(resources)));
}

Task<void> get_event(Call call) {
  const Event event = co_await call.parts.store.read(
      [user = call.user, guid = EventGuid(call.params["guid"])](store::Reader& reader) {
        const auto found = reader.find(guid);
        const auto allowed = visible_space_texts(reader, user);
        if (!found || (allowed && std::ranges::find(*allowed, found->space_guid) == allowed->end()))
          throw Error(Code::not_found, "Event not found");
        return *found;
      });
  co_await call.answer(200, event_json(call, event));
}

}  // namespace

void add_events(Routes& routes) {
  routes.add("GET /v3/audit_events", list_events);
  routes.add("GET /v3/audit_events/:guid", get_event);
}

}  // namespace nuri::api
