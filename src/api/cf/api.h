#pragma once

// The Cloud Foundry v3 API as one http::Service: root documents, login, and one file a resource.
// What the field's clients insist on is what it serves; names of fields are those of the CAPI v3
// documentation.

#include <memory>
#include <string>
#include <vector>

#include "async/blocking_pool.h"
#include "base/random.h"
#include "engine/engine.h"
#include "http/path_router.h"
#include "identity/logins.h"
#include "image/blob_store.h"
#include "store/live_store.h"
#include "telemetry/log_store.h"

namespace nuri::api {

// What the API is made of; all outlive it.
struct Parts {
  async::Loop& loop;
  store::LiveStore& store;
  store::Store& blocking_store;  // for what runs on the pool as a whole: check_password
  async::BlockingPool& pool;
  engine::Engine& engine;
  image::BlobStore& blobs;
  telemetry::LogStore& logs;
  identity::Tokens& tokens;
  identity::Logins& logins;
  identity::LoginLimit& login_limit;
  identity::PasswordHash& password_hash;
  Random& random;
  std::string url;         // the API's own, for links: "http://127.0.0.1:8081"
  int apps_port = 80;      // shown behind an app's address where it is not 80
  std::string upload_dir;  // for uploads on their way in, on the disk of the blobs
  int apps_tls_port = 0;   // where apps are served inside TLS; 0: nowhere
};

class CfApi final : public http::Service {
 public:
  explicit CfApi(Parts parts);
  ~CfApi() override;
  Task<void> serve(http::Request& request, http::Response& response) override;
  // What needs a token: "GET /v3/apps/:guid", ….
  const std::vector<std::string>& guarded() const { return guarded_; }

 private:
  Parts parts_;
  std::vector<std::string> guarded_;
  http::PathRouter router_;
};

}  // namespace nuri::api
