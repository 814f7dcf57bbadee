#include "router/table_file.h"

#include <gmock/gmock.h>

#include "base/error.h"

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
  const Table table = parse_table_file(R"({"routes": [
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

TEST(TableFile, SettingsAreReadStrictly) {
  const Table table =
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
