#include "store/sqlite/migrations.h"

#include <array>

namespace nuri::store {
namespace {

constexpr std::string_view kFirst = R"sql(
CREATE TABLE quotas (
  "seq" INTEGER PRIMARY KEY,
  "guid" TEXT NOT NULL UNIQUE,
  "name" TEXT NOT NULL,
  "total_memory_mb" INTEGER,
  "per_process_memory_mb" INTEGER,
  "total_instances" INTEGER,
  "total_routes" INTEGER,
  "created_at" INTEGER NOT NULL,
  "updated_at" INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX quotas_unique ON quotas ("name");
CREATE TABLE orgs (
  "seq" INTEGER PRIMARY KEY,
  "guid" TEXT NOT NULL UNIQUE,
  "name" TEXT NOT NULL,
  "quota_guid" TEXT REFERENCES quotas ("guid"),
  "suspended" INTEGER NOT NULL,
  "metadata" TEXT NOT NULL,
  "created_at" INTEGER NOT NULL,
  "updated_at" INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX orgs_unique ON orgs ("name");
CREATE INDEX orgs_quota_guid ON orgs ("quota_guid");
CREATE TABLE spaces (
  "seq" INTEGER PRIMARY KEY,
  "guid" TEXT NOT NULL UNIQUE,
  "name" TEXT NOT NULL,
  "org_guid" TEXT NOT NULL REFERENCES orgs ("guid"),
  "metadata" TEXT NOT NULL,
  "created_at" INTEGER NOT NULL,
  "updated_at" INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX spaces_unique ON spaces ("org_guid", "name");
CREATE INDEX spaces_org_guid ON spaces ("org_guid");
CREATE TABLE users (
  "seq" INTEGER PRIMARY KEY,
  "guid" TEXT NOT NULL UNIQUE,
  "username" TEXT NOT NULL,
  "origin" TEXT NOT NULL,
  "password_hash" TEXT NOT NULL,
  "admin" INTEGER NOT NULL,
  "active" INTEGER NOT NULL,
  "created_at" INTEGER NOT NULL,
  "updated_at" INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX users_unique ON users ("username", "origin");
CREATE TABLE roles (
  "seq" INTEGER PRIMARY KEY,
  "guid" TEXT NOT NULL UNIQUE,
  "type" TEXT NOT NULL,
  "user_guid" TEXT NOT NULL REFERENCES users ("guid"),
  "org_guid" TEXT REFERENCES orgs ("guid"),
  "space_guid" TEXT REFERENCES spaces ("guid"),
  "created_at" INTEGER NOT NULL,
  "updated_at" INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX roles_unique
  ON roles ("type", "user_guid", coalesce("org_guid", ''), coalesce("space_guid", ''));
CREATE INDEX roles_user_guid ON roles ("user_guid");
CREATE INDEX roles_org_guid ON roles ("org_guid");
CREATE INDEX roles_space_guid ON roles ("space_guid");
CREATE TABLE refresh_tokens (
  "seq" INTEGER PRIMARY KEY,
  "guid" TEXT NOT NULL UNIQUE,
  "user_guid" TEXT NOT NULL REFERENCES users ("guid"),
  "client_id" TEXT NOT NULL,
  "token_hash" TEXT NOT NULL,
  "family" TEXT NOT NULL,
  "expires_at" INTEGER NOT NULL,
  "used_at" INTEGER,
  "created_at" INTEGER NOT NULL,
  "updated_at" INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX refresh_tokens_unique ON refresh_tokens ("token_hash");
CREATE INDEX refresh_tokens_user_guid ON refresh_tokens ("user_guid");
CREATE INDEX refresh_tokens_family ON refresh_tokens ("family");
CREATE INDEX refresh_tokens_expires_at ON refresh_tokens ("expires_at");
CREATE TABLE apps (
  "seq" INTEGER PRIMARY KEY,
  "guid" TEXT NOT NULL UNIQUE,
  "name" TEXT NOT NULL,
  "space_guid" TEXT NOT NULL REFERENCES spaces ("guid"),
  "state" TEXT NOT NULL,
  "lifecycle" TEXT NOT NULL,
  "env" TEXT NOT NULL,
  "current_droplet_guid" TEXT REFERENCES droplets ("guid"),
  "current_revision_guid" TEXT REFERENCES revisions ("guid"),
  "current_deployment_guid" TEXT REFERENCES deployments ("guid"),
  "revisions_enabled" INTEGER NOT NULL,
  "metadata" TEXT NOT NULL,
  "created_at" INTEGER NOT NULL,
  "updated_at" INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX apps_unique ON apps ("space_guid", "name");
CREATE INDEX apps_space_guid ON apps ("space_guid");
CREATE INDEX apps_current_droplet_guid ON apps ("current_droplet_guid");
CREATE INDEX apps_current_revision_guid ON apps ("current_revision_guid");
CREATE INDEX apps_current_deployment_guid ON apps ("current_deployment_guid");
CREATE TABLE processes (
  "seq" INTEGER PRIMARY KEY,
  "guid" TEXT NOT NULL UNIQUE,
  "app_guid" TEXT NOT NULL REFERENCES apps ("guid"),
  "version" INTEGER NOT NULL,
  "metadata" TEXT NOT NULL,
  "created_at" INTEGER NOT NULL,
  "updated_at" INTEGER NOT NULL,
  "type" TEXT NOT NULL,
  "command" TEXT,
  "instances" INTEGER NOT NULL,
  "memory_mb" INTEGER NOT NULL,
  "disk_mb" INTEGER NOT NULL,
  "log_rate_limit_bytes" INTEGER NOT NULL,
  "health_check" TEXT NOT NULL,
  "readiness_check" TEXT NOT NULL,
  "stop_grace_s" INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX processes_unique ON processes ("app_guid", "type");
CREATE INDEX processes_app_guid ON processes ("app_guid");
CREATE TABLE packages (
  "seq" INTEGER PRIMARY KEY,
  "guid" TEXT NOT NULL UNIQUE,
  "app_guid" TEXT NOT NULL REFERENCES apps ("guid"),
  "type" TEXT NOT NULL,
  "state" TEXT NOT NULL,
  "error" TEXT NOT NULL,
  "files_digest" TEXT,
  "image" TEXT NOT NULL,
  "size_bytes" INTEGER NOT NULL,
  "metadata" TEXT NOT NULL,
  "created_at" INTEGER NOT NULL,
  "updated_at" INTEGER NOT NULL
) STRICT;
CREATE INDEX packages_app_guid ON packages ("app_guid");
CREATE INDEX packages_state ON packages ("state");
CREATE TABLE source_files (
  "seq" INTEGER PRIMARY KEY,
  "guid" TEXT NOT NULL UNIQUE,
  "space_guid" TEXT NOT NULL REFERENCES spaces ("guid"),
  "sha1" TEXT NOT NULL,
  "digest" TEXT,
  "size_bytes" INTEGER NOT NULL,
  "created_at" INTEGER NOT NULL,
  "updated_at" INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX source_files_unique ON source_files ("space_guid", coalesce("digest", ''));
CREATE INDEX source_files_space_guid ON source_files ("space_guid");
CREATE INDEX source_files_sha1 ON source_files ("sha1");
CREATE INDEX source_files_digest ON source_files ("digest");
CREATE TABLE droplets (
  "seq" INTEGER PRIMARY KEY,
  "guid" TEXT NOT NULL UNIQUE,
  "app_guid" TEXT NOT NULL REFERENCES apps ("guid"),
  "package_guid" TEXT REFERENCES packages ("guid"),
  "state" TEXT NOT NULL,
  "error" TEXT NOT NULL,
  "image_digest" TEXT,
  "stack" TEXT NOT NULL,
  "process_types" TEXT NOT NULL,
  "buildpacks" TEXT NOT NULL,
  "execution_metadata" TEXT NOT NULL,
  "size_bytes" INTEGER NOT NULL,
  "metadata" TEXT NOT NULL,
  "created_at" INTEGER NOT NULL,
  "updated_at" INTEGER NOT NULL
) STRICT;
CREATE INDEX droplets_app_guid ON droplets ("app_guid");
CREATE INDEX droplets_package_guid ON droplets ("package_guid");
CREATE TABLE builds (
  "seq" INTEGER PRIMARY KEY,
  "guid" TEXT NOT NULL UNIQUE,
  "app_guid" TEXT NOT NULL REFERENCES apps ("guid"),
  "package_guid" TEXT REFERENCES packages ("guid"),
  "state" TEXT NOT NULL,
  "step" TEXT NOT NULL,
  "error" TEXT NOT NULL,
  "droplet_guid" TEXT REFERENCES droplets ("guid"),
  "lifecycle" TEXT NOT NULL,
  "memory_mb" INTEGER NOT NULL,
  "disk_mb" INTEGER NOT NULL,
  "created_by_guid" TEXT REFERENCES users ("guid"),
  "metadata" TEXT NOT NULL,
  "created_at" INTEGER NOT NULL,
  "updated_at" INTEGER NOT NULL
) STRICT;
CREATE INDEX builds_app_guid ON builds ("app_guid");
CREATE INDEX builds_package_guid ON builds ("package_guid");
CREATE INDEX builds_state ON builds ("state");
CREATE INDEX builds_droplet_guid ON builds ("droplet_guid");
CREATE INDEX builds_created_by_guid ON builds ("created_by_guid");
CREATE TABLE revisions (
  "seq" INTEGER PRIMARY KEY,
  "guid" TEXT NOT NULL UNIQUE,
  "app_guid" TEXT NOT NULL REFERENCES apps ("guid"),
  "version" INTEGER NOT NULL,
  "droplet_guid" TEXT REFERENCES droplets ("guid"),
  "env" TEXT NOT NULL,
  "processes" TEXT NOT NULL,
  "description" TEXT NOT NULL,
  "deployable" INTEGER NOT NULL,
  "metadata" TEXT NOT NULL,
  "created_at" INTEGER NOT NULL,
  "updated_at" INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX revisions_unique ON revisions ("app_guid", "version");
CREATE INDEX revisions_app_guid ON revisions ("app_guid");
CREATE INDEX revisions_droplet_guid ON revisions ("droplet_guid");
CREATE TABLE deployments (
  "seq" INTEGER PRIMARY KEY,
  "guid" TEXT NOT NULL UNIQUE,
  "app_guid" TEXT NOT NULL REFERENCES apps ("guid"),
  "revision_guid" TEXT REFERENCES revisions ("guid"),
  "droplet_guid" TEXT REFERENCES droplets ("guid"),
  "previous_droplet_guid" TEXT REFERENCES droplets ("guid"),
  "previous_guid" TEXT REFERENCES deployments ("guid"),
  "strategy" TEXT NOT NULL,
  "state" TEXT NOT NULL,
  "reason" TEXT NOT NULL,
  "step" TEXT NOT NULL,
  "canary_step" INTEGER NOT NULL,
  "options" TEXT NOT NULL,
  "error" TEXT NOT NULL,
  "last_status_change" INTEGER NOT NULL,
  "metadata" TEXT NOT NULL,
  "created_at" INTEGER NOT NULL,
  "updated_at" INTEGER NOT NULL
) STRICT;
CREATE INDEX deployments_app_guid ON deployments ("app_guid");
CREATE INDEX deployments_revision_guid ON deployments ("revision_guid");
CREATE INDEX deployments_droplet_guid ON deployments ("droplet_guid");
CREATE INDEX deployments_previous_droplet_guid ON deployments ("previous_droplet_guid");
CREATE INDEX deployments_previous_guid ON deployments ("previous_guid");
CREATE INDEX deployments_state ON deployments ("state");
CREATE TABLE instances (
  "seq" INTEGER PRIMARY KEY,
  "guid" TEXT NOT NULL UNIQUE,
  "app_guid" TEXT NOT NULL REFERENCES apps ("guid"),
  "process_guid" TEXT NOT NULL REFERENCES processes ("guid"),
  "deployment_guid" TEXT NOT NULL REFERENCES deployments ("guid"),
  "idx" INTEGER NOT NULL,
  "desired" TEXT NOT NULL,
  "state" TEXT NOT NULL,
  "exit" TEXT NOT NULL,
  "routable" INTEGER NOT NULL,
  "ports" TEXT NOT NULL,
  "crash_count" INTEGER NOT NULL,
  "next_start_at" INTEGER,
  "started_at" INTEGER,
  "healthy_at" INTEGER,
  "since" INTEGER NOT NULL,
  "created_at" INTEGER NOT NULL,
  "updated_at" INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX instances_unique ON instances ("deployment_guid", "process_guid", "idx");
CREATE INDEX instances_app_guid ON instances ("app_guid");
CREATE INDEX instances_process_guid ON instances ("process_guid");
CREATE INDEX instances_deployment_guid ON instances ("deployment_guid");
CREATE TABLE domains (
  "seq" INTEGER PRIMARY KEY,
  "guid" TEXT NOT NULL UNIQUE,
  "name" TEXT NOT NULL,
  "internal" INTEGER NOT NULL,
  "org_guid" TEXT REFERENCES orgs ("guid"),
  "metadata" TEXT NOT NULL,
  "created_at" INTEGER NOT NULL,
  "updated_at" INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX domains_unique ON domains ("name");
CREATE INDEX domains_org_guid ON domains ("org_guid");
CREATE TABLE routes (
  "seq" INTEGER PRIMARY KEY,
  "guid" TEXT NOT NULL UNIQUE,
  "space_guid" TEXT NOT NULL REFERENCES spaces ("guid"),
  "domain_guid" TEXT NOT NULL REFERENCES domains ("guid"),
  "protocol" TEXT NOT NULL,
  "host" TEXT NOT NULL,
  "path" TEXT NOT NULL,
  "port" INTEGER NOT NULL,
  "metadata" TEXT NOT NULL,
  "created_at" INTEGER NOT NULL,
  "updated_at" INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX routes_unique ON routes ("domain_guid", "host", "path", "port");
CREATE INDEX routes_space_guid ON routes ("space_guid");
CREATE INDEX routes_domain_guid ON routes ("domain_guid");
CREATE TABLE destinations (
  "seq" INTEGER PRIMARY KEY,
  "guid" TEXT NOT NULL UNIQUE,
  "route_guid" TEXT NOT NULL REFERENCES routes ("guid"),
  "app_guid" TEXT NOT NULL REFERENCES apps ("guid"),
  "process_type" TEXT NOT NULL,
  "port" INTEGER NOT NULL,
  "protocol" TEXT NOT NULL,
  "weight" INTEGER,
  "created_at" INTEGER NOT NULL,
  "updated_at" INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX destinations_unique
  ON destinations ("route_guid", "app_guid", "process_type", "port");
CREATE INDEX destinations_route_guid ON destinations ("route_guid");
CREATE INDEX destinations_app_guid ON destinations ("app_guid");
CREATE TABLE jobs (
  "seq" INTEGER PRIMARY KEY,
  "guid" TEXT NOT NULL UNIQUE,
  "operation" TEXT NOT NULL,
  "state" TEXT NOT NULL,
  "resource_type" TEXT NOT NULL,
  "resource_guid" TEXT NOT NULL,
  "input" TEXT NOT NULL,
  "step" TEXT NOT NULL,
  "errors" TEXT NOT NULL,
  "warnings" TEXT NOT NULL,
  "user_guid" TEXT REFERENCES users ("guid"),
  "created_at" INTEGER NOT NULL,
  "updated_at" INTEGER NOT NULL
) STRICT;
CREATE INDEX jobs_state ON jobs ("state");
CREATE INDEX jobs_resource_guid ON jobs ("resource_guid");
CREATE INDEX jobs_user_guid ON jobs ("user_guid");
CREATE TABLE events (
  "seq" INTEGER PRIMARY KEY,
  "guid" TEXT NOT NULL UNIQUE,
  "type" TEXT NOT NULL,
  "actor_guid" TEXT NOT NULL,
  "actor_type" TEXT NOT NULL,
  "actor_name" TEXT NOT NULL,
  "target_guid" TEXT NOT NULL,
  "target_type" TEXT NOT NULL,
  "target_name" TEXT NOT NULL,
  "space_guid" TEXT NOT NULL,
  "org_guid" TEXT NOT NULL,
  "data" TEXT NOT NULL,
  "created_at" INTEGER NOT NULL,
  "updated_at" INTEGER NOT NULL
) STRICT;
CREATE INDEX events_target_guid ON events ("target_guid");
CREATE INDEX events_space_guid ON events ("space_guid");
CREATE INDEX events_created_at ON events ("created_at");
)sql";

constexpr std::string_view kRouteOptions = R"sql(
ALTER TABLE routes ADD COLUMN "options" TEXT NOT NULL DEFAULT '';
)sql";

constexpr std::string_view kCertificates = R"sql(
ALTER TABLE domains ADD COLUMN "https_redirect" INTEGER NOT NULL DEFAULT 0;
CREATE TABLE certificates (
  "seq" INTEGER PRIMARY KEY,
  "guid" TEXT NOT NULL UNIQUE,
  "origin" TEXT NOT NULL,
  "names" TEXT NOT NULL,
  "chain" TEXT NOT NULL,
  "key" TEXT NOT NULL,
  "not_before" INTEGER NOT NULL,
  "not_after" INTEGER NOT NULL,
  "created_at" INTEGER NOT NULL,
  "updated_at" INTEGER NOT NULL
) STRICT;
CREATE TABLE certificate_orders (
  "seq" INTEGER PRIMARY KEY,
  "guid" TEXT NOT NULL UNIQUE,
  "name" TEXT NOT NULL,
  "certificate_guid" TEXT REFERENCES certificates ("guid"),
  "failures" INTEGER NOT NULL,
  "error" TEXT NOT NULL,
  "last_failure" INTEGER,
  "not_earlier" INTEGER,
  "created_at" INTEGER NOT NULL,
  "updated_at" INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX certificate_orders_unique ON certificate_orders ("name");
CREATE INDEX certificate_orders_certificate_guid ON certificate_orders ("certificate_guid");
CREATE TABLE acme_accounts (
  "seq" INTEGER PRIMARY KEY,
  "guid" TEXT NOT NULL UNIQUE,
  "directory" TEXT NOT NULL,
  "key" TEXT NOT NULL,
  "created_at" INTEGER NOT NULL,
  "updated_at" INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX acme_accounts_unique ON acme_accounts ("directory");
)sql";

constexpr std::array kMigrations{
    Migration{1, kFirst},
    Migration{2, kRouteOptions},
    Migration{3, kCertificates},
};

}  // namespace

std::span<const Migration> migrations() { return kMigrations; }

}  // namespace nuri::store
