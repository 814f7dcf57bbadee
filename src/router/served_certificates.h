#pragma once

// ServedCertificates: the certificates as a whole, and their way to all workers. The main loop's
// thread.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "async/task.h"
#include "net/tls_server.h"
#include "router/table_file.h"
#include "router/worker.h"

namespace nuri::router {

class ServedCertificates {
 public:
  using Workers = std::vector<std::unique_ptr<Worker>>;
  // The workers outlive it.
  explicit ServedCertificates(Workers& workers) : workers_(workers) {}

  // Reads the files and serves them from now on, in the place of what was served: each for its
  // names, the first for whoever asks for none of them. None: one that signs itself, for localhost
  // and every name below it. Throws Error naming the file and what is wrong; then everything stays.
  // Blocking for as long as reading files takes.
  void read(const std::vector<TableFile::CertificateFiles>& files);

  // A new key for session tickets every few hours. Until cancelled.
  static net::TlsTicketKeys first_keys();
  Task<void> rotate_keys(net::TlsTicketKeys keys);

 private:
  using ByName = std::map<std::string, std::shared_ptr<const net::Certificate>>;
  void serve(ByName next);

  Workers& workers_;
  ByName served_;  // "": the default
};

}  // namespace nuri::router
