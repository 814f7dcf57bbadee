#pragma once

// What `nuri up` and the processes under it are started with: one set of settings, the same flags
// for all.

#include <optional>
#include <string>
#include <vector>

#include "cli/verb.h"
#include "main/acme_settings.h"
#include "net/address.h"

namespace nuri {

struct Settings {
  std::string realm = "nuri";
  std::string state_dir;            // /var/lib/nuri/REALM
  std::string run_dir;              // /run/nuri/REALM
  net::Address apps;                // where apps are served
  std::optional<net::Address> tls;  // where apps are served inside TLS; nothing: nowhere
  net::Address api;
  std::string domain = "localhost";  // apps are NAME.DOMAIN
  std::string base_images;           // OCI layout with nuri/run and nuri/build
  std::string subnet;                // of the instances; empty: chosen
  std::string program_dir;           // of nuri, nuri-shim, nuri-lifecycle; buildpacks/ beside it
  std::string buildpacks_dir;
  std::string log_level = "info";
  std::uint64_t disk_reserve_mb = 0;  // 0: the default
  std::string trusted;                // networks whose word on clients is believed
  bool proxy_protocol = false;        // connections from there begin with it
  long drain_seconds = 0;             // of a router that ends
  AcmeSettings acme;

  std::string host_socket() const { return run_dir + "/host.sock"; }
  std::string instances_dir() const { return run_dir + "/i"; }
  std::string router_dir() const { return run_dir + "/router"; }
  std::string router_socket() const { return router_dir() + "/admin.sock"; }
  std::string lock_of(const std::string& process) const {
    return run_dir + "/" + process + ".lock";
  }
  // What `nuri up` was told; there while it runs.
  std::string told_file() const { return run_dir + "/up.settings"; }
  std::string server_dir() const { return state_dir + "/server"; }
  std::string admin_file() const { return server_dir() + "/admin.json"; }
  std::string logs_dir() const { return state_dir + "/logs"; }
  // "http://127.0.0.1:8081"
  std::string api_url() const;
  // "http://NAME.localhost:8080", and the same inside TLS, if there is one:
  // "https://NAME.localhost".
  std::string app_url(std::string_view name) const;
  std::string secure_app_url(std::string_view name) const;
};

// The flags for them, and back. Throws Error{bad_request} naming the flag.
std::vector<cli::Flag> settings_flags();
Settings settings_from(const cli::Arguments& arguments);
// What a child is given so that it has the same settings.
std::vector<std::string> settings_argv(const Settings& settings);

// The directory of the running program.
std::string own_directory();
// The value of `flag`. Throws Error{bad_request}: no address with a port.
net::Address address_of(const cli::Arguments& arguments, std::string_view flag,
                        std::string_view otherwise = {});

}  // namespace nuri
