#pragma once

// Who may use the platform, and where things live: orgs, spaces, users, roles, quotas, logins.

#include <optional>
#include <string>

#include "base/clock.h"
#include "model/guids.h"
#include "model/metadata.h"

namespace nuri::model {

struct Quota {
  QuotaGuid guid;
  std::string name;
  // Nullopt: no limit.
  std::optional<int> total_memory_mb;
  std::optional<int> per_process_memory_mb;
  std::optional<int> total_instances;
  std::optional<int> total_routes;
  WallTime created_at, updated_at;
  friend bool operator==(const Quota&, const Quota&) = default;
  static constexpr auto fields() {
    return std::tuple{field("guid", &Quota::guid),
                      field("name", &Quota::name),
                      field("total_memory_mb", &Quota::total_memory_mb),
                      field("per_process_memory_mb", &Quota::per_process_memory_mb),
                      field("total_instances", &Quota::total_instances),
                      field("total_routes", &Quota::total_routes),
                      field("created_at", &Quota::created_at),
                      field("updated_at", &Quota::updated_at)};
  }
};

struct Org {
  OrgGuid guid;
  std::string name;
  QuotaGuid quota;  // empty: no limits
  bool suspended = false;
  Metadata metadata;
  WallTime created_at, updated_at;
  friend bool operator==(const Org&, const Org&) = default;
  static constexpr auto fields() {
    return std::tuple{field("guid", &Org::guid),
                      field("name", &Org::name),
                      field("quota_guid", &Org::quota),
                      field("suspended", &Org::suspended),
                      field("metadata", &Org::metadata),
                      field("created_at", &Org::created_at),
                      field("updated_at", &Org::updated_at)};
  }
};

struct Space {
  SpaceGuid guid;
  std::string name;
  OrgGuid org;
  Metadata metadata;
  WallTime created_at, updated_at;
  friend bool operator==(const Space&, const Space&) = default;
  static constexpr auto fields() {
    return std::tuple{field("guid", &Space::guid),
                      field("name", &Space::name),
                      field("org_guid", &Space::org),
                      field("metadata", &Space::metadata),
                      field("created_at", &Space::created_at),
                      field("updated_at", &Space::updated_at)};
  }
};

struct User {
  UserGuid guid;
  std::string username;
  std::string origin = "uaa";
  std::string password_hash;  // PasswordHash's text (identity/); empty: cannot log in by password
  bool admin = false;         // may do everything, everywhere
  bool active = true;
  WallTime created_at, updated_at;
  friend bool operator==(const User&, const User&) = default;
  static constexpr auto fields() {
    return std::tuple{field("guid", &User::guid),
                      field("username", &User::username),
                      field("origin", &User::origin),
                      field("password_hash", &User::password_hash),
                      field("admin", &User::admin),
                      field("active", &User::active),
                      field("created_at", &User::created_at),
                      field("updated_at", &User::updated_at)};
  }
};

enum class RoleType {
  organization_user,
  organization_auditor,
  organization_manager,
  organization_billing_manager,
  space_auditor,
  space_developer,
  space_manager,
  space_supporter,
};
constexpr auto enum_names(RoleType) {
  return std::array<std::string_view, 8>{"organization_user",    "organization_auditor",
                                         "organization_manager", "organization_billing_manager",
                                         "space_auditor",        "space_developer",
                                         "space_manager",        "space_supporter"};
}
constexpr bool is_space_role(RoleType type) { return type >= RoleType::space_auditor; }

struct Role {
  RoleGuid guid;
  RoleType type = RoleType::organization_user;
  UserGuid user;
  OrgGuid org;  // exactly one of org and space is set, as the type says
  SpaceGuid space;
  WallTime created_at, updated_at;
  friend bool operator==(const Role&, const Role&) = default;
  static constexpr auto fields() {
    return std::tuple{field("guid", &Role::guid),
                      field("type", &Role::type),
                      field("user_guid", &Role::user),
                      field("org_guid", &Role::org),
                      field("space_guid", &Role::space),
                      field("created_at", &Role::created_at),
                      field("updated_at", &Role::updated_at)};
  }
};

// A login that can be renewed (RFC 6749 section 1.5). The token itself is never stored.
struct RefreshToken {
  RefreshTokenGuid guid;
  UserGuid user;
  std::string client_id = "cf";
  std::string token_hash;  // SHA-256 hex of the opaque token
  std::string family;      // all tokens that came from one login by password
  WallTime expires_at;
  std::optional<WallTime> used_at;  // set: it was exchanged for another, or revoked
  WallTime created_at, updated_at;
  friend bool operator==(const RefreshToken&, const RefreshToken&) = default;
  static constexpr auto fields() {
    return std::tuple{field("guid", &RefreshToken::guid),
                      field("user_guid", &RefreshToken::user),
                      field("client_id", &RefreshToken::client_id),
                      field("token_hash", &RefreshToken::token_hash),
                      field("family", &RefreshToken::family),
                      field("expires_at", &RefreshToken::expires_at),
                      field("used_at", &RefreshToken::used_at),
                      field("created_at", &RefreshToken::created_at),
                      field("updated_at", &RefreshToken::updated_at)};
  }
};

// Throw Error{unprocessable} with Cloud Foundry's wording.
void validate(const Quota& quota);
void validate(const Org& org);
void validate(const Space& space);
void validate(const User& user);
void validate(const Role& role);
// 1 … limits::kPasswordBytes bytes; throws Error{unprocessable}.
void validate_password(std::string_view password);

}  // namespace nuri::model
