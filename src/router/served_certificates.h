#pragma once

// ServedCertificates: the table's certificates by host, and their way to all workers. The main
// loop's thread.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "async/task.h"
#include "net/tls_server.h"
#include "router/table_change.h"
#include "router/worker.h"

namespace nuri::router {

class ServedCertificates {
 public:
  using Workers = std::vector<std::unique_ptr<Worker>>;
  // The workers outlive it.
  explicit ServedCertificates(Workers& workers) : workers_(workers) {}

  // Later handshakes show what results; a host that goes from one certificate to another is never
  // without one. One that cannot be used is logged and left out; one that has expired is served.
  void follow(const TableChange& change);
  // From now on who asks for no certificate of the table gets one that signs itself, for localhost
  // and every name below it, if the table says nothing for "".
  void serve_without_any();

  // A new key for session tickets every few hours. Until cancelled.
  static net::TlsTicketKeys first_keys();
  Task<void> rotate_keys(net::TlsTicketKeys keys);

 private:
  using ByHost = std::map<std::string, std::shared_ptr<const net::Certificate>>;
  void forget(const std::string& id, ByHost& changed);
  void take(const model::TableCertificate& told, ByHost& changed);
  void tell(const ByHost& changed);

  Workers& workers_;
  std::map<std::string, std::string> served_;              // host → id
  std::map<std::string, std::vector<std::string>> hosts_;  // id → its own of these
  std::shared_ptr<const net::Certificate> otherwise_;      // null: nothing is shown
};

}  // namespace nuri::router
