#pragma once

// The Cloud Foundry v3 API as a client sees it: JSON in and out, errors as nuri::Error with the
// server's own words, pages put together, jobs followed. One loop's thread.

#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "cli/json_path.h"
#include "cli/session.h"
#include "http/client.h"

namespace nuri::cli {

struct Answer {
  int status = 0;
  json::value body;      // null if it had none, or none in JSON
  std::string text;      // as it came
  std::string location;  // of a job, for finish()
};

class Api {
 public:
  // All outlive it.
  Api(http::Client& client, Session& session) : client_(client), session_(session) {}

  Session& session() { return session_; }

  // `path` begins with '/', or is a link, of which its path counts. Repeated a few times when the
  // server is restarting. Throws Error: with the code of the answer's status and its details;
  // unavailable, timeout or cancelled if there was no answer.
  Task<json::value> get(std::string path);
  // All pages of a list: the elements of `resources`.
  Task<std::vector<json::value>> list(std::string path);
  // Any other method; a null body is none. Repeated only where nothing can have happened.
  Task<Answer> send(std::string method, std::string path, json::value body = nullptr);
  Task<Answer> send_text(std::string method, std::string path, std::string type, std::string text);
  // A streamed upload; never repeated.
  Task<Answer> upload(std::string path, std::string type, std::unique_ptr<http::Body> content);
  // Waits for the job at answer.location, if there is one. Throws what the job failed with.
  Task<void> finish(Answer answer, std::string doing);

  // What a person alone never types: the space chosen by --space, by `nuri login`, or the first.
  Task<json::value> space(std::string wanted);
  // Throws Error{not_found} naming the app.
  Task<json::value> app(std::string name, std::string space_guid);
  // https://HOST.DOMAIN[:PORT][/PATH] of a route's url field, or http:// where no app is served
  // inside TLS. A TCP route's is HOST.DOMAIN:PORT as it is.
  Task<std::string> address_of(std::string route_url);

 private:
  Task<Answer> ask(http::ClientRequest request);
  Task<Answer> once(http::ClientRequest request);
  std::string whole_url(const std::string& path) const;

  http::Client& client_;
  Session& session_;
  struct Apps {
    std::string scheme, port;  // "http", ":8080"
  };
  std::optional<Apps> apps_;  // once it was asked for
};

// "/v3/apps?names=a%20b&…": the path with a query of these.
std::string with_query(std::string_view path,
                       std::vector<std::pair<std::string, std::string>> fields);
// For a filter of the API: a comma inside a value is encoded once more (CAPI v3, "Filters").
std::string filter_value(std::string_view text);

// The Error for an answer of status >= 400.
Error error_of_answer(const Answer& answer, std::string_view doing);

}  // namespace nuri::cli
