#include "http/message.h"

#include <gtest/gtest.h>

#include "http/form.h"
#include "http/head_text.h"
#include "http/url.h"

namespace nuri::http {
namespace {

TEST(Headers, CompareNamesWithoutCase) {
  Headers headers{{"Content-Type", " a/b \t"}, {"X", "1"}, {"x", "2"}};
  EXPECT_EQ(headers.get("content-TYPE"), "a/b");
  EXPECT_EQ(headers.get("x"), "1");
  EXPECT_EQ(headers.count("X"), 2U);
  EXPECT_FALSE(headers.has("content"));
  headers.set("X", "3");
  EXPECT_EQ(headers.count("x"), 1U);
  EXPECT_EQ(headers.get("x"), "3");
  headers.set("Y", "4");
  EXPECT_EQ(headers.size(), 3U);
  headers.remove("x");
  EXPECT_FALSE(headers.has("x"));
}

TEST(Request, DecodesParametersOfTheQuery) {
  Request request;
  request.query = "names=a%2Cb&flag&space=a+b&bad=%zz&names=c&%6eum=1";
  EXPECT_EQ(request.parameter("names"), "a,b");
  EXPECT_EQ(request.parameter("flag"), "");
  EXPECT_EQ(request.parameter("space"), "a b");
  EXPECT_EQ(request.parameter("bad"), std::nullopt);
  EXPECT_EQ(request.parameter("num"), "1");
  EXPECT_EQ(request.parameter("name"), std::nullopt);
}

TEST(Reason, KnowsAPhraseForEveryStatus) {
  EXPECT_EQ(reason(404), "Not Found");
  EXPECT_EQ(reason(299), "Success");
  EXPECT_EQ(reason(599), "Server Error");
}

TEST(Form, RoundTrips) {
  const auto form = Form::parse("grant_type=password&username=a%40b&password=x+y%2B&&empty=&flag");
  EXPECT_EQ(form->get("username"), "a@b");
  EXPECT_EQ(form->get("password"), "x y+");
  EXPECT_EQ(form->get("empty"), "");
  EXPECT_EQ(form->get("flag"), "");
  EXPECT_EQ(form->get("no"), std::nullopt);
  EXPECT_EQ(form->str(), "grant_type=password&username=a%40b&password=x%20y%2B&empty=&flag=");
  EXPECT_FALSE(Form::parse("a=%4"));
  std::string many;
  for (std::size_t i = 0; i < 300; ++i) many += "a=b&";
  EXPECT_FALSE(Form::parse(many));
}

TEST(Url, TakesUrlsApart) {
  const auto url = Url::parse("http://[::1]:8080?q");
  EXPECT_EQ(url->host, "::1");
  EXPECT_EQ(url->port, 8080);
  EXPECT_EQ(url->authority, "[::1]:8080");
  EXPECT_EQ(url->target, "/?q");
  EXPECT_EQ(Url::parse("https://a.b/c")->port, 443);
  EXPECT_TRUE(Url::parse("https://a.b/c")->tls);
  EXPECT_EQ(Url::parse("http://a.b")->target, "/");
}

TEST(HttpDate, IsFixedWidthEnglishGmt) {
  EXPECT_EQ(http_date({784111777'000'000'000}), "Sun, 06 Nov 1994 08:49:37 GMT");
}

}  // namespace
}  // namespace nuri::http
