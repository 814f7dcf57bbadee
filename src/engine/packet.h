#pragma once

// The text form under door.h: `verb key=value key=value`. Bytes of a value that are not printable
// ASCII, and ' ' and '%', are written %XX. Keys are [a-z_]+, each once. Pure, no exceptions.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nuri::door {

class PacketWriter {
 public:
  explicit PacketWriter(std::string_view verb) : out_(verb) {}
  PacketWriter& text(std::string_view key, std::string_view value);
  PacketWriter& number(std::string_view key, std::uint64_t value);
  PacketWriter& signed_number(std::string_view key, std::int64_t value);
  PacketWriter& flag(std::string_view key, bool value);  // left out when false
  PacketWriter& ports(std::string_view key, const std::vector<std::uint16_t>& values);
  std::string take() && { return std::move(out_); }

 private:
  std::string out_;
};

class PacketReader {
 public:
  static std::expected<PacketReader, std::string> read(std::string_view packet);
  std::string_view verb() const { return verb_; }

  // An absent key leaves `out` as it is. A value that is not of the type makes good() false.
  void text(std::string_view key, std::string& out);
  void number(std::string_view key, std::uint64_t& out);
  void number(std::string_view key, std::uint32_t& out);
  void number(std::string_view key, std::uint16_t& out);
  void number(std::string_view key, std::int64_t& out);
  void number(std::string_view key, int& out);
  void flag(std::string_view key, bool& out);
  void ports(std::string_view key, std::vector<std::uint16_t>& out);
  bool good() const { return bad_key_.empty(); }
  const std::string& bad_key() const { return bad_key_; }

 private:
  const std::string* find(std::string_view key) const;
  template <class T>
  void read_number(std::string_view key, T& out);

  std::string verb_;
  std::vector<std::pair<std::string, std::string>> fields_;
  std::string bad_key_;
};

}  // namespace nuri::door
