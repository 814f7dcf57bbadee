// Certificates in the API: who may give them, what is refused, and that their keys stay here.

#include <gmock/gmock.h>

#include "api/cf/test_api.h"
#include "model/certificate.h"
#include "net/certificate.h"

namespace nuri::api {
namespace {

using testing::HasSubstr;

constexpr const char* kPath = "/v3/nuri/certificates";

class CertificatesTest : public ApiTest {
 protected:
  net::PemPair made_for(std::vector<std::string> names, Duration validity = 24h * 90) {
    return net::make_self_signed(names, loop_.wall(), validity);
  }
  Answer upload(const net::PemPair& pem) {
    return post(kPath, json::object{{"chain", pem.chain}, {"key", pem.key}});
  }
  void expect_refused(const net::PemPair& pem, std::string_view why) {
    const Answer answer = upload(pem);
    EXPECT_EQ(answer.status, 422) << answer.body;
    EXPECT_THAT(answer.text("/errors/0/detail"), HasSubstr(why));
  }
  std::vector<model::Certificate> rows() {
    return store_.read(
        [](store::Reader& reader) { return reader.all(store::Query<model::Certificate>()); });
  }
};

TEST_F(CertificatesTest, AnUploadIsListedShownAndDeletedAndItsKeyIsNeverTold) {
  const net::PemPair pem = made_for({"b.example.com", "a.example.com"});
  const Answer made = upload(pem);
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.text("/names"), R"(["b.example.com","a.example.com"])");
  EXPECT_EQ(made.text("/origin"), "uploaded");
  EXPECT_EQ(made.text("/issuer"), "CN = b.example.com");
  EXPECT_THAT(made.text("/fingerprint"), HasSubstr("sha256:"));
  EXPECT_EQ(made.text("/not_after"), rfc3339(rows().front().not_after));
  EXPECT_EQ(made.text("/replaced"), "null");
  EXPECT_EQ(last_event(), "audit.certificate.create");
  const std::string one = std::string(kPath) + "/" + made.text("/guid");
  EXPECT_EQ(get(one).text("/chain"), pem.chain);
  EXPECT_EQ(rows().front().key, pem.key);
  for (const std::string& path : {std::string(kPath), one, std::string("/v3/audit_events")}) {
    const Answer answer = get(path);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body.find("PRIVATE KEY"), std::string::npos) << path;
  }
  EXPECT_EQ(del(one).status, 202);
  EXPECT_EQ(last_event(), "audit.certificate.delete-request");
  EXPECT_EQ(get(one).text("/errors/0/detail"), "Certificate not found");
  EXPECT_EQ(get(kPath).text("/resources"), "[]");
}

TEST_F(CertificatesTest, AKeyInTheChainsFileIsNotKeptWithTheChain) {
  const net::PemPair pem = made_for({"a.example.com"});
  ASSERT_EQ(upload({pem.chain + pem.key, pem.chain + pem.key}).status, 201);
  EXPECT_EQ(rows().front().chain, pem.chain);
  EXPECT_EQ(rows().front().key, pem.key);
}

TEST_F(CertificatesTest, ARenewalTakesThePlaceOfTheUploadedOneForTheSameNames) {
  const Answer first = upload(made_for({"a.example.com", "*.example.com"}, 24h * 10));
  const Answer other = upload(made_for({"a.example.com"}));
  model::Certificate authority = rows().front();
  authority.origin = model::CertificateOrigin::authority;
  insert(authority);
  const Answer renewal = upload(made_for({"*.example.com", "a.example.com"}));
  EXPECT_EQ(renewal.status, 200) << renewal.body;
  EXPECT_EQ(renewal.text("/guid"), first.text("/guid"));
  EXPECT_EQ(renewal.text("/replaced/not_after"), first.text("/not_after"));
  EXPECT_NE(renewal.text("/fingerprint"), first.text("/fingerprint"));
  EXPECT_EQ(last_event(), "audit.certificate.update");
  EXPECT_EQ(rows().size(), 3U) << "an authority's and one for other names stay";
  EXPECT_EQ(get(std::string(kPath) + "/" + first.text("/guid")).text("/fingerprint"),
            renewal.text("/fingerprint"));
  EXPECT_EQ(other.status, 201);
}

TEST_F(CertificatesTest, WhatCannotServeIsRefusedSayingWhy) {
  const net::PemPair good = made_for({"a.example.com"}), other = made_for({"a.example.com"});
  expect_refused({good.chain, other.key}, "does not belong to the certificate");
  expect_refused({"nothing", good.key}, "no certificate");
  expect_refused({good.chain, "nothing"}, "no key");
  EXPECT_EQ(post(kPath).status, 422);
  EXPECT_EQ(post(kPath, json::object{{"chain", 7}, {"key", "x"}}).status, 422);
  loop_.run(pass(24h * 90 + 1s));
  log_in(admin_);
  expect_refused(good, "expired on " + rfc3339(loop_.wall()).substr(0, 10));
  expect_refused(net::make_self_signed({"a.example.com"}, loop_.wall() + 48h, 24h), "valid from ");
  EXPECT_TRUE(rows().empty());
}

TEST_F(CertificatesTest, AreFoundByTheirNames) {
  upload(made_for({"a.example.com", "b.example.com"}));
  upload(made_for({"*.example.com"}));
  const auto found = [&](const std::string& query) {
    return get(kPath + query).text("/pagination/total_results");
  };
  EXPECT_EQ(found("?names=B.example.com"), "1");
  EXPECT_EQ(found("?names=*.example.com,a.example.com"), "2");
  EXPECT_EQ(found("?names=c.example.com"), "0");
  EXPECT_EQ(found("?names=a.example.com&guids=none"), "0");
  EXPECT_EQ(get(std::string(kPath) + "?per_page=1&order_by=-created_at").text("/pagination/next"),
            R"({"href":"http://api.test/v3/nuri/certificates?page=2&per_page=1)"
            R"(&order_by=-created_at"})");
  EXPECT_EQ(get(std::string(kPath) + "?order_by=key").status, 400);
}

TEST_F(CertificatesTest, OnlyAnAdminChangesThem) {
  const Answer made = upload(made_for({"a.example.com"}));
  const std::string one = std::string(kPath) + "/" + made.text("/guid");
  log_in(make_user("ann", model::RoleType::space_developer));
  EXPECT_EQ(get(one).status, 200);
  EXPECT_EQ(upload(made_for({"b.example.com"})).status, 403);
  EXPECT_EQ(del(one).status, 403);
  EXPECT_EQ(get("/v3/nuri/certificate_orders").status, 403);
  token_.clear();
  EXPECT_EQ(get(kPath).status, 401);
  EXPECT_EQ(rows().size(), 1U);
}

TEST_F(CertificatesTest, AnOrderOutlivesItsCertificateAndTellsWhatFailed) {
  const Answer made = upload(made_for({"a.example.com"}));
  model::CertificateOrder order;
  order.name = "a.example.com";
  order.certificate = CertificateGuid(made.text("/guid"));
  insert(order);
  order.name = "b.example.com";
  order.certificate = {};
  order.failures = 2;
  order.error = "nobody answers";
  order.last_failure = order.not_earlier = loop_.wall();
  insert(order);
  const std::string path = "/v3/nuri/certificate_orders?names=";
  EXPECT_EQ(get(path + "a.example.com").text("/resources/0/relationships/certificate/data/guid"),
            made.text("/guid"));
  EXPECT_EQ(get(path + "a.example.com").text("/resources/0/error"), "null");
  EXPECT_EQ(get(path + "a.example.com").text("/resources/0/last_failure"), "null");
  del(std::string(kPath) + "/" + made.text("/guid"));
  EXPECT_EQ(get(path + "a.example.com").text("/resources/0/relationships/certificate/data"),
            "null");
  const Answer failed = get(path + "B.example.com");
  EXPECT_EQ(failed.text("/resources/0/failures"), "2");
  EXPECT_EQ(failed.text("/resources/0/error"), "nobody answers");
  EXPECT_EQ(failed.text("/resources/0/not_earlier"), rfc3339(loop_.wall()));
}

}  // namespace
}  // namespace nuri::api
