#include "router/http2_frames.h"

#include "router/http2_text.h"

namespace nuri::router {

std::optional<std::string> gather_frames(nghttp2_session* session, std::size_t bytes) {
  std::string batch;
  const std::uint8_t* frame = nullptr;
  ssize_t n = 0;
  while (batch.size() < bytes && (n = nghttp2_session_mem_send(session, &frame)) > 0)
    batch += text(frame, static_cast<std::size_t>(n));
  if (n < 0) return std::nullopt;
  return batch;
}

bool submit_trailer(nghttp2_session* session, std::int32_t stream, const Http1Reader& message) {
  Http2Fields fields;
  for (const auto& field : message.trailer()) fields.add(field.name, field.value);
  const auto list = fields.list();
  return !list.empty() && nghttp2_submit_trailer(session, stream, list.data(), list.size()) == 0;
}

}  // namespace nuri::router
