#include "http/error_answer.h"

#include "base/json.h"

namespace nuri::http {

std::string error_json(int cf_code, std::string_view cf_title, std::string_view detail) {
  return json::serialize(json::object{
      {"errors",
       json::array{json::object{{"code", cf_code}, {"title", cf_title}, {"detail", detail}}}}});
}

Task<IoResult<void>> answer_error(Response& response, Error error) {
  const CodeInfo& code = info(error.code());
  co_return co_await answer_error(response, code.http_status, code.cf_code,
                                  std::string(code.cf_title), error.message());
}

Task<IoResult<void>> answer_error(Response& response, int status, int cf_code, std::string cf_title,
                                  std::string detail, Headers more) {
  more.add("Content-Type", "application/json");
  co_return co_await response.send(status, std::move(more), error_json(cf_code, cf_title, detail));
}

}  // namespace nuri::http
