#include "router/http1_reader.h"

#include <utility>

#include "http/head_rules.h"

namespace nuri::router {

std::expected<Http1Reader::Part, http::Refusal> Http1Reader::next_head(std::string_view& bytes,
                                                                       http::HeadSpace& space) {
  const std::size_t before = head_.size();
  head_ += bytes;
  const auto parsed = parser_.parse(head_, space);
  if (!parsed) return std::unexpected(parsed.error());
  if (!*parsed) {
    bytes = {};
    return Part{};
  }
  const http::HeadView& head = **parsed;
  bytes.remove_prefix(head.bytes - before);
  parser_.reset();
  const bool request = kind_ == http::HeadParser::Kind::request;
  interim_ = !request && head.status < 200;
  Part part{Part::Kind::head, &head, false, {}};
  if (!interim_) {
    body_.emplace(request ? http::framing_of_request(head)
                          : http::framing_of_response(head, method_));
    part.empty = body_->done();
  }
  return part;
}

std::expected<Http1Reader::Part, http::Refusal> Http1Reader::next(std::string_view& bytes,
                                                                  http::HeadSpace& space) {
  if (ended_) return Part{};
  if (!body_) {
    if (std::exchange(interim_, false)) head_.clear();
    return bytes.empty() ? Part{} : next_head(bytes, space);
  }
  body_->keep_trailer(trailer_);
  while (!body_->done() && !bytes.empty()) {
    const auto step = body_->parse(bytes);
    if (!step) return std::unexpected(step.error());
    bytes.remove_prefix(step->consumed);
    if (!step->data.empty()) return Part{Part::Kind::data, nullptr, false, step->data};
  }
  if (!body_->done()) return Part{};
  ended_ = true;
  return Part{Part::Kind::end, nullptr, false, {}};
}

bool Http1Reader::close() {
  if (body_ && !ended_ && body_->may_end()) return ended_ = true;
  return false;
}

std::vector<http::HeaderView> Http1Reader::trailer() const {
  std::vector<http::HeaderView> fields;
  for (std::string_view rest = trailer_; rest.size() > 2;) {
    const std::string_view line = rest.substr(0, rest.find("\r\n"));
    rest.remove_prefix(line.size() + 2);
    const auto colon = line.find(':');
    if (colon == line.npos) break;
    fields.push_back({line.substr(0, colon), http::trimmed(line.substr(colon + 1))});
  }
  return fields;
}

}  // namespace nuri::router
