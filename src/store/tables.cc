#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "model/app.h"
#include "model/certificate.h"
#include "model/instance.h"
#include "model/job.h"
#include "model/release.h"
#include "model/routing.h"
#include "model/source.h"
#include "model/tenancy.h"
#include "store/table.h"

namespace nuri::store {
namespace {

template <class T>
std::optional<Noun> referenced() {
  return std::nullopt;
}
template <class T>
  requires model::detail::kIsGuid<T>
std::optional<Noun> referenced() {
  return []<class N>(const Guid<N>*) { return model::kNoun<N>; }(static_cast<const T*>(nullptr));
}

class Description {
 public:
  Description(Noun noun, std::string_view name, std::string_view title)
      : table_{noun, name, title, {}, {}} {}

  template <class T>
  static Description of(std::string_view name, std::string_view title) {
    Description made(model::kNoun<T>, name, title);
    model::for_each_field<T>([&](const auto& f) {
      using M = typename std::remove_cvref_t<decltype(f)>::Member;
      const bool first = made.table_.columns.empty();
      made.table_.columns.push_back({f.name, cell_kind<M>(), cell_nullable<M>() && !first,
                                     first ? std::nullopt : referenced<M>(), OnErase::restrict_,
                                     false});
    });
    NURI_ASSERT(made.table_.columns.front().name == "guid");
    return made;
  }

  // A reference that every row has.
  Description& owned(std::string_view column, OnErase on_erase) {
    at(column).nullable = false;
    at(column).on_erase = on_erase;
    return *this;
  }
  // A reference that a row may lack.
  Description& refers(std::string_view column, OnErase on_erase) {
    at(column).on_erase = on_erase;
    return *this;
  }
  Description& index(std::string_view column) {
    at(column).indexed = true;
    return *this;
  }
  Description& unique(std::initializer_list<std::string_view> columns, std::string_view message) {
    Unique made{{}, message};
    for (auto name : columns) made.columns.push_back(table_.column(name));
    table_.uniques.push_back(std::move(made));
    return *this;
  }
  Table done() { return std::move(table_); }

 private:
  Column& at(std::string_view name) { return table_.columns[table_.column(name)]; }
  Table table_;
};

using enum OnErase;
using namespace model;

void describe_tenancy(std::vector<Table>& out) {
  out.push_back(Description::of<Quota>("quotas", "Organization quota")
                    .unique({"name"}, "Organization Quota '{name}' already exists.")
                    .done());
  out.push_back(Description::of<Org>("orgs", "Organization")
                    .refers("quota_guid", restrict_)
                    .unique({"name"}, "Organization '{name}' already exists.")
                    .done());
  out.push_back(Description::of<Space>("spaces", "Space")
                    .owned("org_guid", restrict_)
                    .unique({"org_guid", "name"}, "Name must be unique per organization")
                    .done());
  out.push_back(Description::of<User>("users", "User")
                    .unique({"username", "origin"}, "User '{username}' already exists.")
                    .done());
  out.push_back(Description::of<Role>("roles", "Role")
                    .owned("user_guid", cascade)
                    .refers("org_guid", cascade)
                    .refers("space_guid", cascade)
                    .unique({"type", "user_guid", "org_guid", "space_guid"},
                            "User '{user_guid.username}' already has '{type}' role")
                    .done());
  out.push_back(Description::of<RefreshToken>("refresh_tokens", "Refresh token")
                    .owned("user_guid", cascade)
                    .index("family")
                    .index("expires_at")
                    .unique({"token_hash"}, "The refresh token already exists")
                    .done());
}

void describe_apps(std::vector<Table>& out) {
  out.push_back(Description::of<App>("apps", "App")
                    .owned("space_guid", restrict_)
                    .refers("current_droplet_guid", clear)
                    .refers("current_revision_guid", clear)
                    .refers("current_deployment_guid", clear)
                    .unique({"space_guid", "name"}, "App with the name '{name}' already exists.")
                    .done());
  out.push_back(Description::of<Process>("processes", "Process")
                    .owned("app_guid", cascade)
                    .unique({"app_guid", "type"}, "The app already has a process of type '{type}'")
                    .done());
  out.push_back(Description::of<Package>("packages", "Package")
                    .owned("app_guid", cascade)
                    .index("state")
                    .done());
  out.push_back(Description::of<SourceFile>("source_files", "Source file")
                    .owned("space_guid", cascade)
                    .index("sha1")
                    .index("digest")
                    .unique({"space_guid", "digest"}, "The file is already known in this space")
                    .done());
  out.push_back(Description::of<Droplet>("droplets", "Droplet")
                    .owned("app_guid", cascade)
                    .refers("package_guid", clear)
                    .done());
  out.push_back(Description::of<Build>("builds", "Build")
                    .owned("app_guid", cascade)
                    .refers("package_guid", clear)
                    .refers("droplet_guid", clear)
                    .refers("created_by_guid", clear)
                    .index("state")
                    .done());
}

void describe_releases(std::vector<Table>& out) {
  out.push_back(Description::of<Revision>("revisions", "Revision")
                    .owned("app_guid", cascade)
                    .refers("droplet_guid", clear)
                    .unique({"app_guid", "version"}, "The app already has a revision {version}")
                    .done());
  out.push_back(Description::of<Deployment>("deployments", "Deployment")
                    .owned("app_guid", cascade)
                    .refers("revision_guid", clear)
                    .refers("droplet_guid", clear)
                    .refers("previous_droplet_guid", clear)
                    .refers("previous_guid", clear)
                    .index("state")
                    .done());
  // Erasing what an instance belongs to while its sandbox may run would lose sight of it.
  out.push_back(Description::of<Instance>("instances", "Instance")
                    .owned("app_guid", restrict_)
                    .owned("process_guid", restrict_)
                    .owned("deployment_guid", restrict_)
                    .unique({"deployment_guid", "process_guid", "idx"},
                            "The deployment already has an instance {idx} of this process")
                    .done());
}

void describe_routing(std::vector<Table>& out) {
  out.push_back(Description::of<Domain>("domains", "Domain")
                    .refers("org_guid", restrict_)
                    .unique({"name"}, "The domain name \"{name}\" is already in use")
                    .done());
  out.push_back(
      Description::of<Route>("routes", "Route")
          .owned("space_guid", restrict_)
          .owned("domain_guid", restrict_)
          .unique({"domain_guid", "host", "path", "port"},
                  "Route already exists with host '{host}' for domain '{domain_guid.name}'.")
          .done());
  out.push_back(Description::of<Destination>("destinations", "Destination")
                    .owned("route_guid", cascade)
                    .owned("app_guid", cascade)
                    .unique({"route_guid", "app_guid", "process_type", "port"},
                            "Destinations cannot contain duplicate entries")
                    .done());
  out.push_back(Description::of<Certificate>("certificates", "Certificate").done());
  out.push_back(Description::of<CertificateOrder>("certificate_orders", "Certificate order")
                    .refers("certificate_guid", clear)
                    .unique({"name"}, "A certificate for {name} is ordered already")
                    .done());
  out.push_back(Description::of<AcmeAccount>("acme_accounts", "Account with an authority")
                    .unique({"directory"}, "There is an account with {directory} already")
                    .done());
}

std::vector<Table> describe_all() {
  std::vector<Table> out;
  describe_tenancy(out);
  describe_apps(out);
  describe_releases(out);
  describe_routing(out);
  out.push_back(Description::of<Job>("jobs", "Job")
                    .refers("user_guid", clear)
                    .index("state")
                    .index("resource_guid")
                    .done());
  out.push_back(Description::of<Event>("events", "Event")
                    .index("target_guid")
                    .index("space_guid")
                    .index("created_at")
                    .done());
  NURI_ASSERT(out.size() == kNouns);
  return out;
}

}  // namespace

std::optional<std::size_t> Table::find_column(std::string_view column_name) const {
  const auto found = std::ranges::find(columns, column_name, &Column::name);
  if (found == columns.end()) return std::nullopt;
  return static_cast<std::size_t>(found - columns.begin());
}

std::size_t Table::column(std::string_view column_name) const {
  const auto found = find_column(column_name);
  NURI_ASSERT(found.has_value());
  return *found;
}

const std::vector<Table>& tables() {
  static const std::vector<Table> all = describe_all();
  return all;
}

const Table& table(Noun noun) {
  static const std::vector<const Table*> by_noun = [] {
    std::vector<const Table*> out(kNouns);
    for (const Table& t : tables()) out[static_cast<std::size_t>(t.noun)] = &t;
    for (const Table* t : out) NURI_ASSERT(t != nullptr);
    return out;
  }();
  return *by_noun[static_cast<std::size_t>(noun)];
}

}  // namespace nuri::store
