#pragma once

// Files that are whole or not there, also after a power cut.

#include <filesystem>
#include <string>
#include <string_view>

namespace nuri::image {

// Replaces `path` in one step: temp + fsync + rename + fsync of the folder. Throws nuri::Error.
void replace_file(const std::filesystem::path& path, std::string_view bytes);

// The whole file. not_found, too_large over `limit_bytes`.
std::string read_file(const std::filesystem::path& path, std::size_t limit_bytes);

// All of `bytes`; throws system_error("writing WHAT") otherwise.
void write_all(int fd, std::string_view bytes, std::string_view what);
// Up to `limit_bytes` from the offset of fd to its end; too_large if there is more.
std::string read_all(int fd, std::size_t limit_bytes, std::string_view what);
void sync_folder(int fd, std::string_view what);

}  // namespace nuri::image
