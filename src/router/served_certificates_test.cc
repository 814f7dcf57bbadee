#include "router/served_certificates.h"

#include "router/test_tls_talk.h"
#include "router/test_worker.h"

namespace nuri::router {
namespace {

class ServedCertificatesTest : public testing::Test {
 protected:
  ServedCertificatesTest() {
    workers_.push_back(std::make_unique<Worker>(WorkerOptions{.loop = loop_kind()}));
    workers_[0]->listen_tls(listen_here(port_));
  }
  static model::TableCertificate told(const std::string& id, std::vector<std::string> hosts,
                                      const net::TestSite& site) {
    return {id, std::move(hosts), site.pem.chain, site.pem.key};
  }
  void put(std::vector<model::TableCertificate> certificates,
           std::vector<std::string> removed = {}) {
    TableChange change;
    change.put_certificates = std::move(certificates);
    change.remove_certificates = std::move(removed);
    served_.follow(change);
  }
  // Whether who asks for `host` and trusts `site` alone is content with what is shown.
  bool shows(const net::TestSite& site, std::string_view host) const {
    net::TlsClient client(site.pem.chain, {"http/1.1"});
    return TlsTalk(Talk::to(port_), client.connect(std::string(host))).handshake();
  }

  ServedCertificates::Workers workers_;
  std::uint16_t port_ = 0;
  ServedCertificates served_{workers_};
  const net::TestSite a_{{"a.test", "any.test"}}, b_{{"b.test", "a.test", "any.test"}};
};

TEST_F(ServedCertificatesTest, EachIsShownForItsHostsAndTheDefaultForAllOthers) {
  put({told("1", {"a.test"}, a_), told("2", {"b.test", ""}, b_)});
  EXPECT_TRUE(shows(a_, "a.test"));
  EXPECT_TRUE(shows(b_, "b.test"));
  EXPECT_TRUE(shows(b_, "any.test"));
}

TEST_F(ServedCertificatesTest, OneThatGoesIsNotShownAnyMore) {
  put({told("1", {"a.test"}, a_)});
  ASSERT_TRUE(shows(a_, "a.test"));
  put({}, {"1"});
  EXPECT_FALSE(shows(a_, "a.test"));
  put({}, {"1"});
}

TEST_F(ServedCertificatesTest, AHostThatGoesToAnotherIsTheOthersWhateverIsSaidFirst) {
  put({told("2", {"a.test"}, a_)});
  put({told("1", {"a.test"}, b_), told("2", {"any.test"}, a_)});
  EXPECT_TRUE(shows(b_, "a.test"));
  EXPECT_TRUE(shows(a_, "any.test"));
  put({told("3", {"a.test"}, a_)}, {"1"});
  EXPECT_TRUE(shows(a_, "a.test"));
  EXPECT_FALSE(shows(b_, "a.test"));
}

TEST_F(ServedCertificatesTest, OneThatCannotBeUsedIsLeftOutAndTheOthersAreServed) {
  put({{"bad", {"b.test"}, "no certificate", "no key"}, told("1", {"a.test"}, a_)});
  EXPECT_TRUE(shows(a_, "a.test"));
  EXPECT_FALSE(shows(b_, "b.test"));
  put({told("bad", {"b.test"}, b_)});
  EXPECT_TRUE(shows(b_, "b.test")) << "it was put right";
}

TEST_F(ServedCertificatesTest, WithoutADefaultTheRoutersOwnIsShownUntilThereIsOne) {
  net::TlsClient client(b_.pem.chain, {"http/1.1"});
  const auto shows_what_nobody_trusts = [&] {
    TlsTalk talk(Talk::to(port_), client.connect("a.test"));
    EXPECT_FALSE(talk.handshake());
    return talk.session().untrusted();
  };
  EXPECT_FALSE(shows_what_nobody_trusts()) << "nothing is shown";
  served_.serve_without_any();
  EXPECT_TRUE(shows_what_nobody_trusts()) << "something is shown that nobody trusts";
  put({told("1", {""}, a_)});
  EXPECT_TRUE(shows(a_, "a.test"));
  served_.serve_without_any();
  EXPECT_TRUE(shows(a_, "a.test"));
  put({}, {"1"});
  EXPECT_TRUE(shows_what_nobody_trusts());
}

TEST_F(ServedCertificatesTest, OneThatHasExpiredIsServed) {
  const WallTime past = net::real_now() + -48h;
  const auto pem = net::make_self_signed({"a.test"}, past, 24h);
  put({{"old", {"a.test"}, pem.chain, pem.key}});
  net::TlsClient client(pem.chain, {"http/1.1"});
  TlsTalk talk(Talk::to(port_), client.connect("a.test"));
  EXPECT_FALSE(talk.handshake());
  EXPECT_NE(talk.session().failure().find("expired"), std::string::npos)
      << talk.session().failure();
}

}  // namespace
}  // namespace nuri::router
