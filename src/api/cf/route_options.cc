#include "api/cf/route_options.h"

#include "model/option_fields.h"
#include "model/route_settings.h"

namespace nuri::api {
namespace {

json::object* inner(json::object& object, std::string_view key) {
  json::value* found = object.if_contains(key);
  return found ? found->if_object() : nullptr;
}

// Null: there are none.
json::object* users_of(json::object& options) {
  json::object* auth = inner(options, "basic_auth");
  return auth ? inner(*auth, "users") : nullptr;
}

// RFC 7396 section 2.
void merge(json::object& into, const json::object& changes) {
  for (const auto& [key, value] : changes) {
    if (value.is_null()) {
      into.erase(key);
    } else if (value.is_object()) {
      json::value& place = into[key];
      if (!place.is_object()) place = json::object();
      merge(place.get_object(), value.get_object());
    } else {
      into[key] = value;
    }
  }
}

void hide_users(json::object& options) {
  json::object* users = users_of(options);
  if (!users) return;
  json::array names;
  for (const auto& [name, hash] : *users) names.push_back(json::value(name));
  inner(options, "basic_auth")->at("users") = std::move(names);
}

}  // namespace

Task<json::object> with_hashed_passwords(Parts& parts, json::object body) {
  json::object* options = inner(body, "options");
  json::object* users = options ? users_of(*options) : nullptr;
  if (!users) co_return body;
  if (users->size() > limits::kRouteUsers)
    model::refuse_option("basic_auth.users", "there are too many");
  for (auto& [name, value] : *users) {
    if (value.is_null()) continue;
    if (!value.is_string() || value.get_string().empty() ||
        value.get_string().size() > limits::kPasswordBytes)
      model::refuse_option("basic_auth.users." + std::string(name), "must be a password");
    value = co_await parts.pool.run(
        [&hash = parts.password_hash, password = std::string(value.get_string())] {
          return hash.hash(password);
        });
  }
  co_return body;
}

json::object options_of(const json::object& body) {
  const auto* options = json::find_object(body, "options");
  return options ? *options : json::object();
}

void patch_options(model::Route& route, const json::object& changes) {
  if (changes.empty()) return;
  json::object options = route.options.empty() ? json::object() : json::parse_object(route.options);
  merge(options, changes);
  // Another way of balancing takes hash's own options with it.
  const json::value* balance = changes.if_contains("loadbalancing");
  if (balance && *balance != json::value("hash"))
    for (const std::string_view key : {"hash_header", "hash_balance"})
      if (!changes.contains(key)) options.erase(key);
  model::parse_route_settings(options, model::UnknownKeys::refused);
  route.options = options.empty() ? std::string() : json::serialize(options);
}

json::object options_json(const model::Route& route) {
  if (route.options.empty()) return {};
  json::object out = json::parse_object(route.options);
  hide_users(out);
  return out;
}

json::object without_hashes(json::object body) {
  if (json::object* options = inner(body, "options")) hide_users(*options);
  return body;
}

}  // namespace nuri::api
