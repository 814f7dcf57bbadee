#include "engine/packet.h"

#include <charconv>

#include "base/limits.h"

namespace nuri::door {
namespace {

constexpr std::size_t kFields = 48;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

bool unescape(std::string_view text, std::string& out) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (text.size() - i < 3) return false;
    int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return false;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return true;
}

bool is_key(std::string_view key) {
  for (char c : key) {
    if ((c < 'a' || c > 'z') && c != '_') return false;
  }
  return !key.empty();
}

}  // namespace

PacketWriter& PacketWriter::text(std::string_view key, std::string_view value) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  out_ += ' ';
  out_.append(key) += '=';
  for (char c : value) {
    auto byte = static_cast<unsigned char>(c);
    if (byte > ' ' && byte < 0x7f && c != '%') {
      out_ += c;
    } else {
      out_ += '%';
      out_ += kHex[byte >> 4];
      out_ += kHex[byte & 15];
    }
  }
  return *this;
}

PacketWriter& PacketWriter::number(std::string_view key, std::uint64_t value) {
  return text(key, std::to_string(value));
}

PacketWriter& PacketWriter::signed_number(std::string_view key, std::int64_t value) {
  return text(key, std::to_string(value));
}

PacketWriter& PacketWriter::flag(std::string_view key, bool value) {
  return value ? text(key, "1") : *this;
}

PacketWriter& PacketWriter::ports(std::string_view key, const std::vector<std::uint16_t>& values) {
  if (values.empty()) return *this;
  std::string list;
  for (std::uint16_t port : values) {
    if (!list.empty()) list += ',';
    list += std::to_string(port);
  }
  return text(key, list);
}

std::expected<PacketReader, std::string> PacketReader::read(std::string_view packet) {
  if (packet.size() > limits::kDoorPacketBytes) return std::unexpected("packet over 4 KiB");
  PacketReader reader;
  std::size_t end = packet.find(' ');
  reader.verb_ = packet.substr(0, end);
  if (!is_key(reader.verb_)) return std::unexpected("no verb");
  while (end != std::string_view::npos) {
    packet.remove_prefix(end + 1);
    end = packet.find(' ');
    std::string_view field = packet.substr(0, end);
    std::size_t equals = field.find('=');
    if (equals == std::string_view::npos) return std::unexpected("a field without '='");
    std::string_view key = field.substr(0, equals);
    if (!is_key(key)) return std::unexpected("a key that is not a-z_");
    if (reader.find(key) != nullptr) return std::unexpected("key twice: " + std::string(key));
    if (reader.fields_.size() == kFields) return std::unexpected("too many fields");
    auto& [name, value] = reader.fields_.emplace_back(key, std::string());
    if (!unescape(field.substr(equals + 1), value)) {
      return std::unexpected("broken escape in the value of " + name);
    }
  }
  return reader;
}

const std::string* PacketReader::find(std::string_view key) const {
  for (const auto& [name, value] : fields_) {
    if (name == key) return &value;
  }
  return nullptr;
}

template <class T>
void PacketReader::read_number(std::string_view key, T& out) {
  const std::string* value = find(key);
  if (value == nullptr) return;
  T number{};
  auto [end, failure] = std::from_chars(value->data(), value->data() + value->size(), number);
  if (failure != std::errc() || end != value->data() + value->size()) {
    bad_key_ = key;
  } else {
    out = number;
  }
}

void PacketReader::text(std::string_view key, std::string& out) {
  if (const std::string* value = find(key)) out = *value;
}
void PacketReader::number(std::string_view key, std::uint64_t& out) { read_number(key, out); }
void PacketReader::number(std::string_view key, std::uint32_t& out) { read_number(key, out); }
void PacketReader::number(std::string_view key, std::uint16_t& out) { read_number(key, out); }
void PacketReader::number(std::string_view key, std::int64_t& out) { read_number(key, out); }
void PacketReader::number(std::string_view key, int& out) { read_number(key, out); }

void PacketReader::flag(std::string_view key, bool& out) {
  const std::string* value = find(key);
  if (value == nullptr) return;
  if (*value != "0" && *value != "1") bad_key_ = key;
  out = *value == "1";
}

void PacketReader::ports(std::string_view key, std::vector<std::uint16_t>& out) {
  const std::string* value = find(key);
  if (value == nullptr) return;
  out.clear();
  const char* at = value->data();
  const char* last = at + value->size();
  while (at != last && out.size() < limits::kListeningPorts) {
    std::uint16_t port = 0;
    auto [end, failure] = std::from_chars(at, last, port);
    if (failure != std::errc() || (end != last && (*end != ',' || end + 1 == last))) {
      bad_key_ = key;
      return;
    }
    out.push_back(port);
    at = end == last ? end : end + 1;
  }
  if (at != last) bad_key_ = key;
}

}  // namespace nuri::door
