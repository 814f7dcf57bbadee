#pragma once

// Call: one authenticated request to the API, and the ways to answer it.

#include <concepts>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/cf/api.h"
#include "base/json.h"
#include "http/path_router.h"
#include "model/tenancy.h"

namespace nuri::api {

struct Call {
  Parts& parts;
  http::Request& request;
  http::Response& response;
  http::Params params;
  model::User user;  // who asks; looked up for this request
  identity::Claims claims;

  // The guid in the path under `name`; a text that is no guid names nothing: Error{not_found}
  // "TITLE not found" as the store would say.
  template <class G>
  G guid(std::string_view name = "guid") const {
    return G(params[name]);
  }

  // The body as a JSON object (limits::kJsonBytes); an empty body is an empty object.
  Task<json::object> json_body();
  // The body as text.
  Task<std::string> text_body(std::size_t limit_bytes);

  Task<void> answer(int status, json::value value, http::Headers more = {});
  Task<void> answer_empty(int status);
  // 202 with Location of the job.
  Task<void> answer_job(JobGuid job);

  // A link: the API's own URL and a path.
  std::string link(std::string_view path) const { return parts.url + std::string(path); }
  json::object href(std::string_view path) const { return {{"href", link(path)}}; }
};

// Handlers take the call by value: it lives as long as the task.
using Handler = std::function<Task<void>(Call)>;

// Where a resource's file adds its routes: checks the token first, then calls.
class Routes {
 public:
  Routes(http::PathRouter& router, Parts& parts) : router_(router), parts_(parts) {}
  void add(std::string_view pattern, Handler handler);
  // Without a token: root documents, the token endpoint, health.
  void add_open(std::string_view pattern, http::PathRouter::Handler handler);
  Parts& parts() { return parts_; }
  // The patterns of add().
  const std::vector<std::string>& guarded() const { return guarded_; }

 private:
  http::PathRouter& router_;
  Parts& parts_;
  std::vector<std::string> guarded_;
};

}  // namespace nuri::api
