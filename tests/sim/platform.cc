#include "platform.h"

#include "model/routing.h"
#include "model/tenancy.h"

namespace nuri::sim {
namespace {

class Founder {
 public:
  Founder(store::Writer& tx, Random& random, WallTime now) : tx_(tx), random_(random), now_(now) {}

  template <class T>
  auto insert(T row) {
    row.guid = decltype(row.guid)::make(random_);
    row.created_at = row.updated_at = now_;
    tx_.insert(row);
    return row.guid;
  }

 private:
  store::Writer& tx_;
  Random& random_;
  WallTime now_;
};

}  // namespace

Platform found(store::Writer& tx, Random& random, WallTime now, identity::PasswordHash& hash) {
  Founder founder(tx, random, now);
  Platform out;
  model::Org org;
  org.name = "org";
  model::Space space;
  space.name = "space";
  space.org = founder.insert(org);
  out.space = founder.insert(space);
  model::Domain domain;
  domain.name = "localhost";
  out.domain = founder.insert(domain);
  model::User admin, developer;
  admin.username = "admin";
  admin.admin = true;
  admin.password_hash = hash.hash(kPassword);
  founder.insert(admin);
  developer.username = "developer";
  developer.password_hash = hash.hash(kPassword);
  model::Role role;
  role.type = model::RoleType::space_developer;
  role.user = founder.insert(developer);
  role.space = out.space;
  founder.insert(role);
  random.fill(out.token_key.bytes);
  return out;
}

}  // namespace nuri::sim
