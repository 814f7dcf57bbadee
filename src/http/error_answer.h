#pragma once

// Errors as Cloud Foundry's API writes them: {"errors":[{"code":…,"title":"CF-…","detail":"…"}]}.

#include <string>
#include <string_view>

#include "base/error.h"
#include "http/service.h"

namespace nuri::http {

std::string error_json(int cf_code, std::string_view cf_title, std::string_view detail);

// Status, code and title from base/error's table, the message as detail.
Task<IoResult<void>> answer_error(Response& response, Error error);
// For what the table has no code for.
Task<IoResult<void>> answer_error(Response& response, int status, int cf_code, std::string cf_title,
                                  std::string detail, Headers more = {});

}  // namespace nuri::http
