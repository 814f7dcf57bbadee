#include "router/table_file.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "net/test_tls.h"

namespace nuri::router {
namespace {

using testing::HasSubstr;

std::string refusal(std::string_view text) {
  try {
    parse_table_file(text);
    return "";
  } catch (const Error& error) {
    return error.message();
  }
}

TEST(TableFile, SaysHostsPathsAndInstances) {
  const auto table = parse_table_file(R"({"routes": [
    {"host": "a.test", "upstreams": [{"address": "127.0.0.1:9000"},
                                     {"address": "127.0.0.1:9001", "id": "second", "weight": 3}]},
    {"host": "a.test", "path": "/api", "app": "shop"}]})")
                         .routes;
  ASSERT_EQ(table.size(), 2u);
  const auto& root = table.at({"a.test", ""});
  ASSERT_EQ(root.upstreams.size(), 2u);
  EXPECT_EQ(root.upstreams[0].id, "127.0.0.1:9000") << "its address, if it has no other name";
  EXPECT_EQ(root.upstreams[1].id, "second");
  EXPECT_EQ(root.upstreams[1].weight, 3);
  EXPECT_EQ(table.at({"a.test", "/api"}).app, "shop");
}

TEST(TableFile, NamesWhatIsWrongAndWhere) {
  EXPECT_THAT(refusal("{"), testing::Not(testing::IsEmpty()));
  EXPECT_THAT(refusal("{}"), HasSubstr("routes"));
  EXPECT_THAT(refusal(R"({"routes": [{"host": "a.test"}, {"hots": "b.test"}]})"),
              testing::AllOf(HasSubstr("route 2"), HasSubstr("hots"), HasSubstr("upstreams")));
  EXPECT_THAT(refusal(R"({"routes": [{"host": "A.test:80"}]})"), HasSubstr("A.test:80"));
  EXPECT_THAT(refusal(R"({"routes": [{"host": "a.test", "path": "api"}]})"), HasSubstr("'api'"));
  EXPECT_THAT(refusal(R"({"routes": [{"host": "a.test", "upstreams": [{"port": 1}]}]})"),
              HasSubstr("address"));
  EXPECT_THAT(refusal(R"({"routes": [{"host": "a.test"}, {"host": "a.test"}]})"),
              HasSubstr("a.test is there already"));
}

TEST(TableFile, NamesTheFilesOfCertificates) {
  const auto file =
      parse_table_file(R"({"routes": [], "certificates": [{"chain": "a.pem", "key": "/k.pem"}]})");
  ASSERT_EQ(file.certificates.size(), 1u);
  EXPECT_EQ(file.certificates[0].chain, "a.pem");
  EXPECT_EQ(file.certificates[0].key, "/k.pem");
  EXPECT_THAT(refusal(R"({"routes": [], "certificates": [{"chain": "a.pem"}]})"), HasSubstr("key"));
}

TEST(TableFile, CertificatesAreForTheNamesThatTheyCarryAndTheFirstForAllOthers) {
  char directory[] = "/tmp/nuri-table-XXXXXX";
  ASSERT_NE(::mkdtemp(directory), nullptr);
  const std::string folder = directory;
  const auto write = [&](const std::string& name, const std::string& text) {
    std::ofstream(folder + "/" + name) << text;
  };
  const net::TestSite one({"a.test", "b.test"}), two({"b.test", "*.c.test"});
  write("1.pem", one.pem.chain + one.pem.key);
  write("2.pem", two.pem.chain + two.pem.key);
  write("table.json", R"({"routes": [], "certificates": [
    {"chain": "1.pem", "key": "1.pem"}, {"chain": "2.pem", "key": "2.pem"}]})");
  const Table table = read_table_file(folder + "/table.json");
  ASSERT_EQ(table.certificates.size(), 2u);
  EXPECT_THAT(table.certificates.at(folder + "/1.pem").hosts,
              testing::UnorderedElementsAre("a.test", "b.test", ""));
  EXPECT_THAT(table.certificates.at(folder + "/2.pem").hosts,
              testing::UnorderedElementsAre("*.c.test"));
  write("2.pem", "nothing");
  EXPECT_THROW(read_table_file(folder + "/table.json"), Error);
  std::filesystem::remove_all(folder);
}

TEST(TableFile, SettingsAreReadStrictly) {
  const auto table =
      parse_table_file(R"({"routes": [{"host": "a.test", "settings": {"body_limit": "10M"}}]})")
          .routes;
  EXPECT_EQ(table.at({"a.test", ""}).settings->body_limit, 10u << 20);
  EXPECT_THAT(refusal(R"({"routes": [{"host": "a", "settings": {"deadlines": {"anser": 1}}}]})"),
              testing::AllOf(HasSubstr("route 1"), HasSubstr("deadlines.anser")));
}

TEST(TableFile, AFileThatIsNotThereIsNamed) {
  try {
    read_table_file("/nowhere/routes.json");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::not_found);
    EXPECT_THAT(error.message(), HasSubstr("/nowhere/routes.json"));
  }
}

}  // namespace
}  // namespace nuri::router
