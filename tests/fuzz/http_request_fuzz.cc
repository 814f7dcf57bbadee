// Requests as an attacker would send them, one connection an input.

#include "http_message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nuri::fuzz::check(nuri::http::HeadParser::Kind::request,
                    {reinterpret_cast<const char*>(data), size});
  return 0;
}
