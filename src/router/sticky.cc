#include "router/sticky.h"

#include <algorithm>
#include <utility>

#include "http/head_rules.h"
#include "http/message.h"

namespace nuri::router {
namespace {

constexpr std::string_view kSession = "JSESSIONID";
constexpr std::string_view kInstance = "__VCAP_ID__";

using http::trimmed;

// Calls visit(name, value) for each `name=value` between semicolons, until it returns false.
template <class Visit>
void each_pair(std::string_view text, Visit visit) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(';'), text.size());
    const std::string_view pair = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view value =
        equals < pair.size() ? trimmed(pair.substr(equals + 1)) : std::string_view();
    if (!visit(trimmed(pair.substr(0, equals)), value)) return;
  }
}

// The session cookie's life and reach are the binding's, too.
std::string binding(std::string_view session, std::string_view instance) {
  std::string out = std::string(kInstance) + "=" + std::string(instance);
  bool has_path = false, first = true;
  each_pair(session, [&](std::string_view name, std::string_view value) {
    if (std::exchange(first, false)) return true;
    for (const std::string_view kept : {"Path", "Max-Age", "Expires", "Secure", "SameSite"}) {
      if (!http::same_name(name, kept)) continue;
      has_path = has_path || kept == "Path";
      out += "; " + std::string(kept);
      if (!value.empty()) out += "=" + std::string(value);
    }
    return true;
  });
  if (!has_path) out += "; Path=/";
  return out + "; HttpOnly";
}

bool is_session(std::string_view name, std::span<const std::string> more) {
  return name == kSession || std::ranges::find(more, name) != more.end();
}

}  // namespace

std::string_view sticky_instance(const http::HeadView& request, std::span<const std::string> more) {
  std::string_view instance;
  bool session = false;
  for (const auto& header : request.headers)
    if (http::same_name(header.name, "Cookie"))
      each_pair(header.value, [&](std::string_view name, std::string_view value) {
        session = session || is_session(name, more);
        if (name == kInstance) instance = value;
        return true;
      });
  return session ? instance : std::string_view();
}

std::string sticky_cookie(const http::HeadView& answer, std::string_view instance,
                          std::span<const std::string> more) {
  for (const auto& header : answer.headers) {
    if (!http::same_name(header.name, "Set-Cookie")) continue;
    bool session = false;
    each_pair(header.value, [&](std::string_view name, std::string_view) {
      session = is_session(name, more);
      return false;
    });
    if (session) return binding(header.value, instance);
  }
  return {};
}

}  // namespace nuri::router
