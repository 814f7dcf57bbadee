#include "main/first_start.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "base/json.h"
#include "base/log.h"
#include "identity/logins.h"
#include "image/oci_import.h"
#include "model/routing.h"
#include "model/tenancy.h"

namespace nuri {
namespace {

using store::Query;

void write_private(const std::string& path, const std::string& text) {
  const std::string temp = path + ".new";
  const Fd file(::open(temp.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::fsync(file.get()) != 0 || ::rename(temp.c_str(), path.c_str()) != 0)
    throw system_error(fmt::format("write {}", path), errno);
}

template <class T>
T made(WallTime now, Random& random) {
  T value;
  value.guid = decltype(value.guid)::make(random);
  value.created_at = value.updated_at = now;
  return value;
}

bool complete(const image::BlobStore& blobs, const Digest& manifest) {
  for (const Digest& blob : image::oci::blobs_of_image(blobs, manifest))
    if (!blobs.exists(blob)) return false;
  return true;
}

Digest ensure_image(image::BlobStore& blobs, const std::string& folder, std::string_view name) {
  for (const auto& manifest : image::oci::read_index(folder).manifests) {
    const auto ref = manifest.annotations.find(std::string(image::oci::kRefName));
    if (ref == manifest.annotations.end() || ref->second != name) continue;
    if (complete(blobs, manifest.digest)) return manifest.digest;
    log_info("taking in a base image", {{"name", name}, {"digest", manifest.digest.str()}});
    return image::oci::import_layout(blobs, folder, name).manifest;
  }
  throw Error(
      Code::not_found,
      fmt::format("there is no base image {} in {}: tools/base_images makes it", name, folder));
}

}  // namespace

void ensure_admin(store::Store& store, identity::PasswordHash& hash, const Settings& settings,
                  const Clock& clock, Random& random) {
  const auto password = identity::bootstrap_admin(store, hash, clock, random);
  if (!password) return;
  write_private(settings.admin_file(),
                json::serialize(json::object{
                    {"api", settings.api_url()}, {"username", "admin"}, {"password", *password}}) +
                    "\n");
  log_info("made the user admin; its password is in a file", {{"file", settings.admin_file()}});
}

void ensure_tenancy(store::Store& store, const Settings& settings, const Clock& clock,
                    Random& random) {
  store.write([&](store::Writer& tx) {
    const WallTime now = clock.wall();
    auto org = tx.first(Query<model::Org>());
    if (!org) {
      org = made<model::Org>(now, random);
      org->name = "default";
      tx.insert(*org);
    }
    if (!tx.first(Query<model::Space>())) {
      auto space = made<model::Space>(now, random);
      space.name = "default";
      space.org = org->guid;
      tx.insert(space);
    }
    if (!tx.first(Query<model::Domain>().where(&model::Domain::name, settings.domain))) {
      auto domain = made<model::Domain>(now, random);
      domain.name = settings.domain;
      tx.insert(domain);
    }
  });
}

BaseImages ensure_base_images(image::BlobStore& blobs, const std::string& folder) {
  if (!std::filesystem::exists(folder + "/index.json"))
    throw Error(
        Code::not_found,
        fmt::format("there are no base images in {}: tools/base_images makes them", folder));
  return {ensure_image(blobs, folder, "nuri/run"), ensure_image(blobs, folder, "nuri/build")};
}

}  // namespace nuri
