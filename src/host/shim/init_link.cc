#include "host/shim/init_link.h"

#include <iterator>
#include <utility>

#include "engine/packet.h"

namespace nuri::shim {
namespace {

constexpr std::string_view kNames[] = {"ready", "here", "go", "running", "failed", "stop", "ended"};

}  // namespace

std::string encode(const InitMessage& message) {
  door::PacketWriter out(kNames[static_cast<std::size_t>(message.kind)]);
  if (message.signal != 0) out.signed_number("signal", message.signal);
  if (message.grace_ms != 0) out.number("grace_ms", message.grace_ms);
  if (message.status != 0) out.signed_number("status", message.status);
  out.flag("grace_exceeded", message.grace_exceeded);
  if (!message.text.empty()) out.text("text", std::string_view(message.text).substr(0, 1000));
  return std::move(out).take();
}

Result<InitMessage> parse_init_message(std::string_view packet) {
  auto in = door::PacketReader::read(packet);
  if (!in) return std::unexpected(in.error());
  InitMessage message;
  bool known = false;
  for (std::size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] != in->verb()) continue;
    message.kind = static_cast<InitMessage::Kind>(i);
    known = true;
  }
  in->number("signal", message.signal);
  in->number("grace_ms", message.grace_ms);
  in->number("status", message.status);
  in->flag("grace_exceeded", message.grace_exceeded);
  in->text("text", message.text);
  if (!known || !in->good()) return std::unexpected("not a message of init's");
  return message;
}

}  // namespace nuri::shim
