#pragma once

// What a server makes sure of when it starts: the admin and its password file, an org, a space, the
// apps' domain, and the base images in the blob store. Blocking. Each step does nothing when it is
// done already.

#include <string>

#include "base/clock.h"
#include "base/digest.h"
#include "base/random.h"
#include "identity/password_hash.h"
#include "image/blob_store.h"
#include "main/settings.h"
#include "store/store.h"

namespace nuri {

void ensure_admin(store::Store& store, identity::PasswordHash& hash, const Settings& settings,
                  const Clock& clock, Random& random);
void ensure_tenancy(store::Store& store, const Settings& settings, const Clock& clock,
                    Random& random);

struct BaseImages {
  Digest run, build;
};
// Throws Error{not_found} naming what makes them if there are none.
BaseImages ensure_base_images(image::BlobStore& blobs, const std::string& folder);

}  // namespace nuri
