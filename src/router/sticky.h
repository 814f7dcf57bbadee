#pragma once

// Sticky sessions as Cloud Foundry has them (docs.cloudfoundry.org, "Session affinity"): when an
// app begins a session (a cookie JSESSIONID), the client gets __VCAP_ID__ beside it, the instance's
// guid, and its requests with both go to that instance while it can answer. Pure.

#include <span>
#include <string>
#include <string_view>

#include "http/parser.h"

namespace nuri::router {

// The instance that the request's session is bound to; empty: it has none. Points into `request`.
// `more`: names of cookies that begin a session, besides JSESSIONID.
std::string_view sticky_instance(const http::HeadView& request,
                                 std::span<const std::string> more = {});

// The Set-Cookie field's value that binds the session which `answer` begins, or ends, to
// `instance`; empty: it does neither.
std::string sticky_cookie(const http::HeadView& answer, std::string_view instance,
                          std::span<const std::string> more = {});

}  // namespace nuri::router
