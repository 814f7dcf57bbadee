#pragma once

// CertificateKeeper: sees to it that the hosts of routes have certificates of an authority before
// the old ones expire: carries out plan::certificate_orders(), at most
// limits::kCertificateOrdersAtOnce attempts at the same time.
//
// An attempt is written down when it begins, as if it had failed: whatever ends the server then,
// the name's wait counts from there, and no loop of restarts asks an authority quickly. A
// certificate and its order's row are written in one transaction.

#include <set>
#include <string>

#include "async/event.h"
#include "async/task_group.h"
#include "base/random.h"
#include "control/certificate_issuer.h"
#include "control/certificate_rows.h"
#include "store/live_store.h"

namespace nuri::control {

struct CertificateKeeperParts {
  async::Loop& loop;
  store::LiveStore& store;
  CertificateIssuer& issuer;
  Random& random;
  plan::CertificateMeans means;
};

class CertificateKeeper {
 public:
  explicit CertificateKeeper(CertificateKeeperParts parts) : parts_(parts) {}
  // Until cancelled; attempts under way are then given up.
  Task<void> run();

 private:
  Task<void> keep(async::TaskGroup& group);
  Task<Duration> tick(async::TaskGroup& group);
  Task<void> begin(async::TaskGroup& group, std::vector<plan::CertificateWish> wishes);
  Task<void> attempt(plan::CertificateWish wish, model::CertificateOrder before);
  Task<void> carry_out(plan::CertificateWish wish, model::CertificateOrder before);
  Task<IoResult<void>> stirred();
  void stir();
  void note_left_out(std::size_t count);

  CertificateKeeperParts parts_;
  std::set<std::string> under_way_;  // names of orders
  std::size_t left_out_ = 0;
  bool stirred_ = false;
  async::Event wake_;
};

}  // namespace nuri::control
