#include "http/path_router.h"

#include <gtest/gtest.h>

#include "async/simulated_loop.h"

namespace nuri::http {
namespace {

// Keeps what a service answered.
class KeptResponse final : public Response {
 public:
  Task<IoResult<void>> send(int code, Headers fields, std::string content) override {
    status = code;
    headers = std::move(fields);
    body = std::move(content);
    co_return IoResult<void>{};
  }
  Task<IoResult<void>> head(int, Headers, std::optional<std::uint64_t>) override {
    co_return IoResult<void>{};
  }
  Task<IoResult<void>> write(std::string_view) override { co_return IoResult<void>{}; }
  Task<IoResult<void>> finish() override { co_return IoResult<void>{}; }
  bool started() const override { return status != 0; }

  int status = 0;
  Headers headers;
  std::string body;
};

Task<void> say(Response& response, std::string text) {
  co_await response.send(200, {}, std::move(text));
}

class PathRouterTest : public testing::Test {
 protected:
  void route(std::string_view pattern, std::vector<std::string> names = {}) {
    router_.add(pattern, [text = std::string(pattern), names](Request&, Response& response,
                                                              const Params& params) {
      std::string out = text;
      for (const std::string& name : names) out += " " + name + "=" + params[name];
      return say(response, out);
    });
  }
  KeptResponse ask(std::string method, std::string path) {
    async::SimulatedLoop loop(1);
    Request request;
    request.method = std::move(method);
    request.path = std::move(path);
    KeptResponse response;
    loop.run(router_.serve(request, response));
    return response;
  }
  std::string get(std::string path) { return ask("GET", std::move(path)).body; }

 private:
  PathRouter router_;
};

TEST_F(PathRouterTest, MatchesFixedSegmentsBeforeNamedOnesBeforeTheRest) {
  route("GET /");
  route("GET /v3/apps");
  route("GET /v3/apps/:guid", {"guid"});
  route("GET /v3/apps/all");
  route("GET /v3/apps/:guid/env/:key", {"guid", "key"});
  route("GET /v3/apps/all/routes");
  route("GET /files/*path", {"path"});
  EXPECT_EQ(get("/"), "GET /");
  EXPECT_EQ(get("/v3/apps"), "GET /v3/apps");
  EXPECT_EQ(get("/v3/apps/"), "GET /v3/apps");
  EXPECT_EQ(get("/v3/apps/all"), "GET /v3/apps/all");
  EXPECT_EQ(get("/v3/apps/a"), "GET /v3/apps/:guid guid=a");
  EXPECT_EQ(get("/v3/apps/all/env/B"), "GET /v3/apps/:guid/env/:key guid=all key=B");
  EXPECT_EQ(get("/files/a/b"), "GET /files/*path path=a/b");
}

TEST_F(PathRouterTest, DecodesParameters) {
  route("GET /x/:name", {"name"});
  EXPECT_EQ(get("/x/a%20b%2Fc+d"), "GET /x/:name name=a b/c+d");
  EXPECT_THROW(get("/x/%zz"), Error);
}

TEST_F(PathRouterTest, AnswersUnknownPathsAsCloudFoundryDoes) {
  route("GET /v3/apps/:guid", {"guid"});
  for (const char* path :
       {"/v3/app", "/v3/apps", "/v3/apps/a/b", "/v3//a", "/v3/apps//", "*", ""}) {
    const KeptResponse response = ask("GET", path);
    EXPECT_EQ(response.status, 404) << path;
    EXPECT_EQ(response.body,
              R"({"errors":[{"code":10000,"title":"CF-NotFound","detail":"Unknown request"}]})");
  }
}

TEST_F(PathRouterTest, NamesTheMethodsThatAreThere) {
  route("GET /a");
  route("POST /a");
  EXPECT_EQ(ask("POST", "/a").body, "POST /a");
  const KeptResponse response = ask("DELETE", "/a");
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(response.headers.get("Allow"), "GET, POST");
}

TEST_F(PathRouterTest, ServesHeadAsGet) {
  route("GET /a");
  EXPECT_EQ(ask("HEAD", "/a").body, "GET /a");
}

}  // namespace
}  // namespace nuri::http
