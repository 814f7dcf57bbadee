#include "cli/api.h"

#include <fmt/format.h>

#include "async/deadline.h"
#include "cli/connection.h"
#include "cli/table.h"

namespace nuri::cli {
namespace {

constexpr std::size_t kAnswerBytes = 64 * limits::kMiB;  // a list of limits::kPerPage
constexpr int kTries = 3;
constexpr int kPages = 1000;
constexpr Duration kRetryPause = 200ms;
constexpr Duration kJobDeadline = 15min;
// The server holds a GET for up to 20 s; this is for one that does not.
constexpr Duration kPollPause = 100ms;

bool worth_repeating(int status) {
  return status == 500 || status == 502 || status == 503 || status == 504;
}

std::string details_of(const json::array& errors) {
  std::string all;
  for (const json::value& error : errors) {
    const std::string detail = text_at(error, "/detail", text_at(error, "/title"));
    if (detail.empty()) continue;
    if (!all.empty()) all += "; ";
    all += detail;
  }
  return all;
}

}  // namespace

std::string with_query(std::string_view path,
                       std::vector<std::pair<std::string, std::string>> fields) {
  return fmt::format("{}?{}", path, http_form(std::move(fields)));
}

std::string filter_value(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == ',')
      out += "%2C";
    else
      out += c;
  }
  return out;
}

Error error_of_answer(const Answer& answer, std::string_view doing) {
  std::string why = details_of(array_at(answer.body, "/errors"));
  if (why.empty()) why = text_at(answer.body, "/error_description");
  if (why.empty()) why = text_at(answer.body, "/error");
  if (why.empty() && !answer.text.empty() && answer.body.is_null())
    why = answer.text.substr(0, 300);
  if (why.empty()) why = fmt::format("{} {}", answer.status, http::reason(answer.status));
  return Error(code_of_status(answer.status),
               doing.empty() ? why : fmt::format("{}: {}", doing, why));
}

// A link holds the address that the server knows itself by, which behind a tunnel or TLS is not
// where it is asked. And a token goes nowhere else.
std::string Api::whole_url(const std::string& path) const {
  if (path.starts_with('/')) return session_.api() + path;
  const auto url = http::Url::parse(path);
  if (!url)
    throw Error(Code::internal, fmt::format("{} answered a link that is none", session_.api()));
  return session_.api() + url->target;
}

Task<Answer> Api::once(http::ClientRequest request) {
  request.headers.set("Accept", "application/json");
  request.headers.set("Authorization", co_await session_.authorization(client_));
  std::string why;
  request.why = &why;
  auto response = co_await client_.request(std::move(request));
  if (!response) throw connection_error(response.error(), session_.api(), why);
  refuse_redirect(*response, session_.api());
  Answer answer;
  answer.status = response->status;
  if (const auto location = response->headers.get("Location"))
    answer.location = std::string(*location);
  auto text = co_await http::read_all(*response->body, kAnswerBytes);
  if (!text) throw connection_error(text.error(), session_.api());
  answer.text = std::move(*text);
  try {
    if (!answer.text.empty()) answer.body = json::parse(answer.text, kAnswerBytes);
  } catch (const Error&) {
    if (answer.status < 400)
      throw Error(Code::internal,
                  fmt::format("{} answered what is no JSON; is it a Nuri?", session_.api()));
  }
  co_return answer;
}

// Repeats what may be: a token that is refused once, and reading.
Task<Answer> Api::ask(http::ClientRequest request) {
  const bool reads = request.method == "GET";
  bool refused = false;
  for (int tries = 1;; ++tries) {
    http::ClientRequest copy;
    copy.method = request.method;
    copy.url = request.url;
    copy.headers = request.headers;
    copy.body = request.body;
    std::optional<Error> failure;
    Answer answer;
    try {
      answer = co_await once(std::move(copy));
    } catch (const Error& error) {
      if (!reads || error.code() != Code::unavailable || tries == kTries) throw;
      failure = error;
    }
    if (!failure) {
      if (answer.status == 401 && !refused) {
        refused = true;
        session_.expire();
        continue;
      }
      if (!reads || !worth_repeating(answer.status) || tries >= kTries) co_return answer;
    }
    if (auto slept = co_await async::sleep(kRetryPause * tries); !slept)
      throw error_of(slept.error(), "wait for the API");
  }
}

Task<json::value> Api::get(std::string path) {
  http::ClientRequest request;
  request.url = whole_url(path);
  Answer answer = co_await ask(std::move(request));
  if (answer.status >= 400) throw error_of_answer(answer, {});
  co_return std::move(answer.body);
}

Task<std::vector<json::value>> Api::list(std::string path) {
  std::vector<json::value> all;
  path += path.find('?') == path.npos ? "?per_page=1000" : "&per_page=1000";
  for (int page = 0; page < kPages && !path.empty(); ++page) {
    const json::value answer = co_await get(std::move(path));
    for (const json::value& one : array_at(answer, "/resources")) all.push_back(one);
    path = text_at(answer, "/pagination/next/href");
  }
  co_return all;
}

Task<Answer> Api::send(std::string method, std::string path, json::value body) {
  std::string text = body.is_null() ? std::string() : json::serialize(body);
  return send_text(std::move(method), std::move(path), "application/json", std::move(text));
}

Task<Answer> Api::send_text(std::string method, std::string path, std::string type,
                            std::string text) {
  http::ClientRequest request;
  request.method = std::move(method);
  request.url = whole_url(path);
  request.headers.set("Content-Type", type);
  request.body = std::move(text);
  Answer answer = co_await ask(std::move(request));
  if (answer.status >= 400) throw error_of_answer(answer, {});
  co_return answer;
}

Task<Answer> Api::upload(std::string path, std::string type, std::unique_ptr<http::Body> content) {
  http::ClientRequest request;
  request.method = "POST";
  request.url = whole_url(path);
  request.headers.set("Content-Type", type);
  request.upload = std::move(content);
  Answer answer = co_await once(std::move(request));
  if (answer.status >= 400) throw error_of_answer(answer, {});
  co_return answer;
}

Task<void> Api::finish(Answer answer, std::string doing) {
  if (answer.location.empty()) co_return;
  const Time end = (co_await async::current_scope()).loop().now() + kJobDeadline;
  for (;;) {
    async::Loop& loop = (co_await async::current_scope()).loop();
    const Time asked = loop.now();
    const json::value job = co_await get(answer.location);
    const std::string state = text_at(job, "/state");
    if (state == "COMPLETE") co_return;
    if (state == "FAILED") {
      const std::string why = details_of(array_at(job, "/errors"));
      throw Error(Code::unprocessable,
                  fmt::format("{}: {}", doing, why.empty() ? "the job failed" : why));
    }
    if (loop.now() >= end)
      throw Error(Code::timeout, fmt::format("{}: the server is not done after 15 minutes", doing));
    if (loop.now() - asked < kPollPause)
      if (auto slept = co_await async::sleep(kPollPause); !slept)
        throw error_of(slept.error(), doing);
  }
}

Task<json::value> Api::space(std::string wanted) {
  if (wanted.empty()) wanted = session_.space();
  std::string path = "/v3/spaces?order_by=created_at&per_page=1";
  if (!wanted.empty()) path = with_query("/v3/spaces", {{"names", filter_value(wanted)}});
  const json::value answer = co_await get(std::move(path));
  const json::array& found = array_at(answer, "/resources");
  if (found.empty())
    throw Error(Code::not_found, wanted.empty()
                                     ? std::string("there is no space that you may see; ask who "
                                                   "runs this Nuri for a role in one")
                                     : fmt::format("Space '{}' not found.", wanted));
  co_return found[0];
}

Task<json::value> Api::app(std::string name, std::string space_guid) {
  const json::value answer = co_await get(with_query(
      "/v3/apps", {{"names", filter_value(name)}, {"space_guids", std::move(space_guid)}}));
  const json::array& found = array_at(answer, "/resources");
  if (found.empty())
    throw Error(Code::not_found,
                fmt::format("App '{}' not found; 'nuri apps' lists what is there", name));
  co_return found[0];
}

Task<std::string> Api::address_of(std::string route_url) {
  const std::size_t slash = std::min(route_url.find('/'), route_url.size());
  if (route_url.find(':') < slash) co_return route_url;
  if (!apps_) {
    const json::value root = co_await get("/");
    const auto tls = number_at(root, "/links/self/meta/apps_tls_port", 0);
    const auto port = tls ? tls : number_at(root, "/links/self/meta/apps_port", 8080);
    const bool usual = port == (tls ? 443 : 80);
    apps_ = {tls ? "https" : "http", usual ? std::string() : fmt::format(":{}", port)};
  }
  route_url.insert(slash, apps_->port);
  co_return fmt::format("{}://{}", apps_->scheme, route_url);
}

}  // namespace nuri::cli
