#include "http/path_router.h"

#include "base/assert.h"
#include "base/encoding.h"
#include "http/error_answer.h"

namespace nuri::http {
namespace {

// Takes the first segment off a path without its leading slash.
std::string_view next_segment(std::string_view& path) {
  const std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(std::min(path.size(), segment.size() + 1));
  return segment;
}

}  // namespace

struct PathRouter::Node {
  std::map<std::string, std::unique_ptr<Node>, std::less<>> fixed;
  std::unique_ptr<Node> any;   // one segment, ":name"
  std::unique_ptr<Node> rest;  // all that is left, "*name"
  std::map<std::string, Route, std::less<>> methods;
};

struct PathRouter::Match {
  const Node* node = nullptr;
  std::vector<std::string_view> values;  // still encoded
};

const std::string& Params::operator[](std::string_view name) const {
  for (const auto& [key, value] : all_)
    if (key == name) return value;
  assert_failed("the parameter is in the route's pattern", __FILE__, __LINE__);
}

PathRouter::PathRouter() : root_(std::make_unique<Node>()) {}
PathRouter::~PathRouter() = default;

void PathRouter::add(std::string_view pattern, Handler handler) {
  const std::size_t space = pattern.find(" /");
  NURI_ASSERT(space != pattern.npos && space > 0 && handler);
  std::string_view path = pattern.substr(space + 2);
  Route route{{}, std::move(handler)};
  Node* node = root_.get();
  while (!path.empty()) {
    const bool last_of_all = path.starts_with('*');
    const std::string_view segment = last_of_all ? std::exchange(path, {}) : next_segment(path);
    NURI_ASSERT(!segment.empty());
    std::unique_ptr<Node>* place;
    if (last_of_all || segment.starts_with(':')) {
      NURI_ASSERT(segment.size() > 1);
      route.names.emplace_back(segment.substr(1));
      place = last_of_all ? &node->rest : &node->any;
    } else {
      place = &node->fixed[std::string(segment)];
    }
    if (!*place) *place = std::make_unique<Node>();
    node = place->get();
  }
  const bool added =
      node->methods.emplace(std::string(pattern.substr(0, space)), std::move(route)).second;
  NURI_ASSERT(added);
}

bool PathRouter::find(const Node& node, std::string_view path, Match& match) {
  if (path.empty() && !node.methods.empty()) {
    match.node = &node;
    return true;
  }
  if (!path.empty()) {
    std::string_view left = path;
    const std::string_view segment = next_segment(left);
    // A path that ends in a slash was shortened before: what is empty here is a doubled slash.
    if (!segment.empty()) {
      if (const auto fixed = node.fixed.find(segment);
          fixed != node.fixed.end() && find(*fixed->second, left, match))
        return true;
      if (node.any) {
        match.values.push_back(segment);
        if (find(*node.any, left, match)) return true;
        match.values.pop_back();
      }
    }
  }
  if (!node.rest) return false;
  match.values.push_back(path);
  match.node = node.rest.get();
  return true;
}

Task<void> PathRouter::serve(Request& request, Response& response) {
  std::string_view path = request.path;
  Match match;
  const bool absolute = path.starts_with('/');
  if (absolute) path.remove_prefix(1);
  if (path.ends_with('/')) path.remove_suffix(1);
  if (!absolute || !find(*root_, path, match)) {
    co_await answer_error(response, 404, 10000, "CF-NotFound", "Unknown request");
    co_return;
  }
  const auto& methods = match.node->methods;
  auto route = methods.find(request.method);
  if (route == methods.end() && request.method == "HEAD") route = methods.find("GET");
  if (route == methods.end()) {
    std::string allow;
    for (const auto& [method, unused] : methods) allow += (allow.empty() ? "" : ", ") + method;
    std::string detail = request.method + " is not possible here; " + allow + " is";
    co_await answer_error(response, 405, 10005, "CF-MethodNotAllowed", std::move(detail),
                          {{"Allow", std::move(allow)}});
    co_return;
  }
  Params params;
  for (std::size_t i = 0; i < match.values.size(); ++i) {
    auto value = percent_decode(match.values[i]);
    if (!value) throw Error(Code::bad_request, "The path holds a broken percent escape.");
    params.add(route->second.names[i], std::move(*value));
  }
  co_await route->second.handler(request, response, std::move(params));
}

}  // namespace nuri::http
