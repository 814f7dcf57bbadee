#pragma once

// The nouns that are kept as rows: which kind of thing a guid in a change feed names.

#include <array>
#include <cstddef>
#include <string_view>

#include "model/guids.h"

namespace nuri::model {

enum class Noun {
  quota,
  org,
  space,
  user,
  role,
  refresh_token,
  app,
  process,
  package,
  source_file,
  build,
  droplet,
  revision,
  deployment,
  instance,
  domain,
  route,
  destination,
  certificate,
  certificate_order,
  acme_account,
  job,
  event,
};
inline constexpr std::size_t kNouns = 23;
constexpr auto enum_names(Noun) {
  return std::array<std::string_view, kNouns>{
      "quota",         "org",     "space",       "user",        "role",
      "refresh_token", "app",     "process",     "package",     "source_file",
      "build",         "droplet", "revision",    "deployment",  "instance",
      "domain",        "route",   "destination", "certificate", "certificate_order",
      "acme_account",  "job",     "event"};
}

// kNoun<App> == Noun::app.
template <class T>
inline constexpr Noun kNoun = Noun::event;
template <>
inline constexpr Noun kNoun<Quota> = Noun::quota;
template <>
inline constexpr Noun kNoun<Org> = Noun::org;
template <>
inline constexpr Noun kNoun<Space> = Noun::space;
template <>
inline constexpr Noun kNoun<User> = Noun::user;
template <>
inline constexpr Noun kNoun<Role> = Noun::role;
template <>
inline constexpr Noun kNoun<RefreshToken> = Noun::refresh_token;
template <>
inline constexpr Noun kNoun<App> = Noun::app;
template <>
inline constexpr Noun kNoun<Process> = Noun::process;
template <>
inline constexpr Noun kNoun<Package> = Noun::package;
template <>
inline constexpr Noun kNoun<SourceFile> = Noun::source_file;
template <>
inline constexpr Noun kNoun<Build> = Noun::build;
template <>
inline constexpr Noun kNoun<Droplet> = Noun::droplet;
template <>
inline constexpr Noun kNoun<Revision> = Noun::revision;
template <>
inline constexpr Noun kNoun<Deployment> = Noun::deployment;
template <>
inline constexpr Noun kNoun<Instance> = Noun::instance;
template <>
inline constexpr Noun kNoun<Domain> = Noun::domain;
template <>
inline constexpr Noun kNoun<Route> = Noun::route;
template <>
inline constexpr Noun kNoun<Destination> = Noun::destination;
template <>
inline constexpr Noun kNoun<Certificate> = Noun::certificate;
template <>
inline constexpr Noun kNoun<CertificateOrder> = Noun::certificate_order;
template <>
inline constexpr Noun kNoun<AcmeAccount> = Noun::acme_account;
template <>
inline constexpr Noun kNoun<Job> = Noun::job;

}  // namespace nuri::model
